"""The body of a webhook's request as its receiver wants it, from a text with places to fill in. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from distreamer.alerts.message import Message
from distreamer.config.wording import printable

PLACES = ("text", "title", "sentence", "state", "kind", "severity", "instance", "subject", "time", "number")
"""That a body may have, in braces; the message's document has a value for each."""
_PLACE = re.compile(r"\{(\w*)\}")


def check_body(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it cannot be filled in."""
    _parsed(text)
    unknown = next((name for name in _PLACE.findall(_texts(text)) if name not in PLACES), None)
    if unknown is not None:
        places = ", ".join(f"{{{name}}}" for name in PLACES)
        raise ValueError(
            f"must have no other places to fill in than {places}; {{{printable(unknown)}}} is none of them"
        )
    return text


def filled(text: str, message: Message) -> tuple[str, bytes]:
    """The content type, and the body: JSON where ``text`` is JSON, where it is empty the whole document, else a plain
    text."""
    if not text:
        return "application/json", message.as_json()
    document = message.document()
    values = {name: printable(str(document[name])) for name in PLACES}
    parsed = _parsed(text)
    if parsed is None:
        return "text/plain; charset=utf-8", _fill(text, values).encode()
    return "application/json", json.dumps(_fill_all(parsed, values)).encode()


def _parsed(text: str) -> Any:
    """What ``text`` says as JSON; None when it is a plain text. Raises ValueError when it begins like JSON and is
    none."""
    if not text.startswith(("{", "[")) or _PLACE.match(text):
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"must be valid JSON, as it begins like it: {error}") from None


def _texts(text: str) -> str:
    """All in ``text`` that may have places."""
    parsed = _parsed(text)
    found: list[str] = []

    def collect(value: Any) -> None:
        match value:
            case str():
                found.append(value)
            case list():
                for one in value:
                    collect(one)
            case dict():
                for one in value.values():
                    collect(one)

    collect(text if parsed is None else parsed)
    return "\n".join(found)


def _fill_all(value: Any, values: Mapping[str, str]) -> Any:
    """In each text of a piece of JSON; there nothing that is filled in can be taken for JSON."""
    match value:
        case str():
            return _fill(value, values)
        case list():
            return [_fill_all(one, values) for one in value]
        case dict():
            return {name: _fill_all(one, values) for name, one in value.items()}
        case _:
            return value


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], text)
