"""Says in words what a settings field is: for error messages, the reference, the sample and the command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from distreamer.config.fields import Secret, Unit, Words
from distreamer.config.redact import HIDDEN
from distreamer.config.settings import Settings
from distreamer.config.wording import shown


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One key, in words."""

    key: str
    """As it is written in files: upper case."""
    attribute: str
    """What the settings call it: the key in lower case, but for words that Python keeps for itself."""
    text: str
    """What it means, in one paragraph."""
    required: bool
    default: str
    """As it would be written in a file; empty when it is required or has none."""
    expectation: str
    """What a value must be, to follow "must be": ``a number of seconds from 10 to 86400``."""
    secret: bool
    example: str
    """A value that is accepted."""


def facts_of(settings: type[Settings]) -> list[FieldFacts]:
    """All keys of ``settings``: MODE, then those of the class in their order, then those of its bases."""
    fields = settings.model_fields
    own_first = (name for kind in settings.__mro__ for name in vars(kind).get("__annotations__", ()) if name in fields)
    return [_facts(name, fields[name]) for name in dict.fromkeys([*(["mode"] if "mode" in fields else []), *own_first])]


def value_text(value: object) -> str:
    """``value`` as it would be written in a file: ``yes``, ``300``, empty for None."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case Enum():
            return str(value.value)
        case _:
            return str(value)


def summary_of(settings: type[Settings]) -> str:
    """The first paragraph of the class's docstring, in one line."""
    return paragraph((inspect.getdoc(settings) or "").split("\n\n")[0])


def paragraph(text: str) -> str:
    """``text`` without its line breaks, and with Markdown's mark for code instead of the docstrings'."""
    return " ".join(text.replace("``", "`").split())


def _facts(name: str, field: FieldInfo) -> FieldFacts:
    alternatives = list(_alternatives(field.annotation, field.metadata))
    default = "" if field.is_required() else value_text(field.get_default(call_default_factory=True))
    examples = [*(field.examples or ()), *(found for _, more in alternatives for found in _examples(more))]
    expectation = " or ".join(dict.fromkeys(_expectation(kind, more) for kind, more in alternatives))
    return FieldFacts(
        key=(field.alias or name).upper(),
        attribute=name,
        text=paragraph(field.description or ""),
        required=field.is_required(),
        default=default,
        expectation=expectation,
        secret=any(isinstance(marker, Secret) for _, more in alternatives for marker in more),
        example=value_text(examples[0]) if examples else default or _made_up(*alternatives[0]),
    )


def _alternatives(annotation: Any, metadata: Iterable[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """The types that a value may have, None left out, each with what is said about it."""
    metadata = list(metadata)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from _alternatives(inner, [*more, *metadata])
    elif origin in {Union, UnionType}:
        for member in get_args(annotation):
            if member is not NoneType:
                yield from _alternatives(member, metadata)
    else:
        yield annotation, [marker for one in metadata for marker in _flat(one)]


def _flat(marker: Any) -> list[Any]:
    """A ``Field(...)`` inside ``Annotated`` brings its own constraints along."""
    return [marker, *marker.metadata] if isinstance(marker, FieldInfo) else [marker]


def _examples(metadata: Iterable[Any]) -> list[Any]:
    return [value for marker in metadata if isinstance(marker, FieldInfo) for value in marker.examples or ()]


def _expectation(kind: Any, metadata: list[Any]) -> str:
    for marker in metadata:
        if isinstance(marker, Words):
            return marker.text
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(value_text, get_args(kind)))
    if kind is bool:
        return "yes or no"
    if not isinstance(kind, type):
        return "a text"
    if issubclass(kind, Enum):
        return "one of " + ", ".join(value_text(member) for member in kind)
    if issubclass(kind, PurePath):
        return "a path"
    if issubclass(kind, (int, float)):
        noun = "a whole number" if issubclass(kind, int) else "a number"
        unit = next((f" of {marker.name}" for marker in metadata if isinstance(marker, Unit)), "")
        return noun + unit + _bounds(metadata)
    longest = _limit(metadata, "max_length")
    return f"a text of at most {longest} characters" if longest else "a text"


def _bounds(metadata: list[Any]) -> str:
    low, high = _limit(metadata, "ge"), _limit(metadata, "le")
    if low is not None and high is not None:
        return f" from {value_text(low)} to {value_text(high)}"
    named = (
        ("at least", low),
        ("above", _limit(metadata, "gt")),
        ("at most", high),
        ("below", _limit(metadata, "lt")),
    )
    limits = [f"{word} {value_text(limit)}" for word, limit in named if limit is not None]
    return ", " + " and ".join(limits) if limits else ""


def _limit(metadata: list[Any], name: str) -> Any:
    """The constraint called ``ge``, ``le``, ``max_length``, …; None when there is none."""
    return next((getattr(marker, name) for marker in metadata if hasattr(marker, name)), None)


def _made_up(kind: Any, metadata: list[Any]) -> str:
    """A value for a required key whose author gave no example."""
    if get_origin(kind) is Literal:
        return value_text(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return value_text(next(iter(kind)))
    if kind is bool:
        return "yes"
    if kind in {int, float}:
        low = _limit(metadata, "ge")
        return value_text(1 if low is None else low)
    return "text"


def written_values(settings: Settings) -> list[str]:
    """What was set in ``settings``, as ``KEY = value``, without passwords."""
    return [
        f"{fact.key} = {HIDDEN if fact.secret else shown(value_text(getattr(settings, fact.attribute)))}"
        for fact in facts_of(type(settings))
        if fact.attribute in settings.model_fields_set
    ]
