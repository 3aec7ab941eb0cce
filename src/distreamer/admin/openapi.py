"""The API's description (OpenAPI 3.1), made of the table of routes and the classes of what is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from distreamer.admin.guard import COOKIE, REQUEST_HEADER
from distreamer.admin.problem import PROBLEM_TYPE, ProblemAnswer, phrase
from distreamer.admin.routes import JSON, ROUTES, Route
from distreamer.admin.schemas import Schema, schemas_of

FILE = "openapi.json"
_TEXT = f"""\
How the instances of a DiStreamer are, what happened to them, and what they can be told to do. Where ADMINPASSWORD is
set, every request needs it (HTTP Basic, with any user, or the cookie of `/api/v1/session`). What changes something must
come from a page of this server, or have a header `{REQUEST_HEADER}`. What goes wrong is answered as a problem, with one
plain sentence (RFC 9457). Answers may have more fields in later versions."""
API_VERSION = "1.0.0"
_PARAMETERS = {
    "instance": "The name of an instance, as the status has it.",
    "input": "The name of an input, as the status has it: `input`, `input backup`.",
    "output": "The name of an output, as the status has it: `output`, `output studio`.",
    "number": "The listener's number.",
}
_ALWAYS = (401, 403, 421, 429)
"""Whatever is asked, unless it is open: no password, a proxy where there is none, a foreign name, too many wrong
passwords."""


def description() -> Schema:
    """The whole of it."""
    answers = list(dict.fromkeys(route.answer for route in ROUTES if route.answer not in {None, dict}))
    bodies = list(dict.fromkeys(route.body for route in ROUTES if route.body is not None))
    paths: dict[str, Schema] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "DiStreamer", "version": API_VERSION, "description": _one_line(_TEXT)},
        "paths": paths,
        "components": {
            "schemas": schemas_of([*answers, ProblemAnswer], bodies),
            "securitySchemes": {
                "password": {"type": "http", "scheme": "basic"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": f"{COOKIE}_8090",
                    "description": "Its name ends with the port in ADMIN.",
                },
            },
        },
        "security": [{"password": []}, {"session": []}, {}],
    }


def description_text() -> str:
    """The same as it is served and checked in."""
    return json.dumps(description(), indent=2, ensure_ascii=False) + "\n"


def _operation(route: Route) -> Schema:
    found: Schema = {
        "operationId": route.operation,
        "summary": route.summary,
        "responses": {"200": _answer("As asked.", route.media, route.answer)},
    }
    if route.text:
        found["description"] = route.text
    if parameters := [*_path_parameters(route), *_queries(route), *_headers(route)]:
        found["parameters"] = parameters
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": _reference(route.body)}}}
    if route.is_open:
        found["security"] = []
    for status in _failures(route):
        is_own = status == 503 and route.path == "/ready"
        answer = route.answer if is_own else ProblemAnswer
        media = route.media if is_own else PROBLEM_TYPE
        found["responses"][str(status)] = _answer(f"{phrase(status)}.", media, answer)
    return found


def _failures(route: Route) -> Sequence[int]:
    always = set(_ALWAYS) if not route.is_open else {421}
    if route.path == "/api/v1/session" and route.method == "POST":
        always |= {401, 429}
    if route.method != "GET":
        always.add(403)
    return sorted({*route.failures, *always})


def _answer(text: str, media: str, kind: type | None) -> Schema:
    schema: Schema = {"type": "string"} if kind is None else {"type": "object"} if kind is dict else _reference(kind)
    return {"description": text, "content": {media: {"schema": schema}}}


def _reference(kind: type) -> Schema:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _path_parameters(route: Route) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "description": _PARAMETERS[name], "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _queries(route: Route) -> list[Schema]:
    return [
        {
            "name": one.name,
            "in": "query",
            "description": one.text,
            "schema": {"type": "integer", "minimum": one.low, "maximum": one.high},
        }
        for one in route.queries
    ]


def _headers(route: Route) -> list[Schema]:
    if route.method == "GET":
        return []
    text = "Any value; pages of this server need not send it."
    schema: Any = {"type": "string"}
    return [{"name": REQUEST_HEADER, "in": "header", "description": text, "schema": schema}]


def _one_line(text: str) -> str:
    return " ".join(text.split())
