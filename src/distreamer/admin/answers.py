"""Answers as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from distreamer.admin.problem import PROBLEM_TYPE, ProblemAnswer, ProblemError

AnswerT = TypeVar("AnswerT")


def as_json(answer: object) -> bytes:
    """A view, or anything made of dataclasses, as JSON in one line."""
    kind: Any = type(answer)
    adapter = adapter_of(kind)
    try:
        return adapter.dump_json(answer)
    except (PydanticSerializationError, UnicodeEncodeError):  # A source's text that is no text.
        plain = adapter.dump_python(answer, mode="python")
        return json.dumps(plain, default=str).encode()


def json_answer(answer: object, status: int = 200) -> web.Response:
    return web.Response(body=as_json(answer), status=status, content_type="application/json")


def problem_response(answer: ProblemAnswer, headers: Mapping[str, str]) -> web.Response:
    return web.Response(body=as_json(answer), status=answer.status, content_type=PROBLEM_TYPE, headers=headers)


def wish_of(data: bytes, kind: type[AnswerT]) -> AnswerT:
    """What a body says; raises ProblemError in plain words."""
    wanted: Any = kind
    try:
        found: AnswerT = adapter_of(wanted).validate_json(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        detail = f"The body does not fit: {where + ': ' if where else ''}{fault['msg']}."
        raise ProblemError(422 if fault["loc"] else 400, detail) from None
    return found


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:
    """Reads and writes a class; made once."""
    return TypeAdapter(kind)
