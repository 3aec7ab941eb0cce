"""JSON schemas of dataclasses, with the texts that stand in the code under each field."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from distreamer.config.describe import paragraph

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"


def schemas_of(answers: Iterable[type], bodies: Iterable[type]) -> dict[str, Schema]:
    """The schemas of ``answers``, which have all their fields, and of ``bodies``, by name, with all that they are
    made of."""
    kinds = [*answers, *bodies]
    inputs: list[tuple[type, Any, TypeAdapter[Any]]] = [
        *((kind, "serialization", TypeAdapter(kind)) for kind in answers),
        *((kind, "validation", TypeAdapter(kind)) for kind in bodies),
    ]
    _, whole = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
    found: dict[str, Schema] = whole["$defs"]
    documented = {kind.__name__: kind for one in kinds for kind in _parts(one)}
    for name, schema in found.items():
        _document(schema, documented[name])
        if documented[name] not in bodies and "properties" in schema:
            schema["required"] = list(schema["properties"])
    return dict(sorted(found.items()))


def _document(schema: Schema, kind: type) -> None:
    schema.pop("title", None)
    text = inspect.getdoc(kind) or ""
    # The constructor's signature, where there is no text.
    schema["description"] = "" if text.startswith(f"{kind.__name__}(") else _plain(text)
    texts = _texts(kind)
    for name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        field.pop("default", None)
        if name in texts:
            field["description"] = texts[name]
    if "enum" in schema and texts:
        words = [f"`{member.value}`: {texts[member.name]}" for member in kind if member.name in texts]  # type: ignore[attr-defined]
        schema["description"] = " ".join([schema["description"], *words]).strip()


def _parts(kind: Any) -> Iterator[type]:
    """The classes that ``kind`` is made of, itself among them."""
    if not isinstance(kind, type) or get_args(kind):
        for argument in get_args(kind):
            yield from _parts(argument)
        return
    yield kind
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        for field in fields(kind):
            yield from _parts(hints[field.name])


@cache
def _texts(kind: type) -> dict[str, str]:
    """What stands under each field or member of a class."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    except (OSError, TypeError):
        return {}
    if not isinstance(body, ast.ClassDef):
        return {}
    found: dict[str, str] = {}
    for statement, text in zip(body.body, body.body[1:], strict=False):
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]  # type: ignore[assignment]
        is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(target, ast.Name) and is_text:
            found[target.id] = _plain(str(text.value.value))  # type: ignore[attr-defined]
    return found


def _plain(text: str) -> str:
    """The first paragraph, in the words of JSON."""
    return re.sub(r"\bNone\b", "null", paragraph(text.split("\n\n")[0]))
