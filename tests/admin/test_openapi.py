"""The API's description is a description, and what is answered is what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from distreamer.admin.answers import adapter_of
from distreamer.admin.looks import instance_view, link_views
from distreamer.admin.openapi import description
from distreamer.admin.routes import ROUTES
from distreamer.admin.views import LinksView, StatusView
from distreamer.model.audio import Title
from tests.support.admin_client import OWN, operating
from tests.support.watching import PLAYOUT, STORE, TRANSMITTER, Watching


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Of a schema inside the description."""
    return Draft202012Validator({**schema, "components": description()["components"]})


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(description()).validate()


def test_everything_is_explained() -> None:
    told = description()
    operations = [operation for path in told["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(ROUTES)
    assert all(operation["summary"] for operation in operations)
    assert all(schema["description"] for schema in told["components"]["schemas"].values())
    link = told["components"]["schemas"]["LinkHistory"]
    assert link["properties"]["longest_day_seconds"]["description"] == "The longest outage."
    assert link["required"] == list(link["properties"])
    states = told["components"]["schemas"]["PlayoutState"]
    assert "`waiting`: The buffer fills; nothing was played yet." in states["description"]


@pytest.mark.parametrize("seconds", [0, 400])
def test_what_is_said_of_an_instance_is_what_is_answered(seconds: int) -> None:
    watching = Watching(replace(TRANSMITTER, playout=PLAYOUT, store=replace(STORE, title=Title("Song"))))
    watching.show(5)
    watching.show(seconds, inputs=(replace(watching.status.inputs[0], links=()),))
    status = watching.complete()
    for answer in (StatusView(1.0, "3", (instance_view(status),)), LinksView(link_views(status))):
        schema = {"$ref": f"#/components/schemas/{type(answer).__name__}"}
        kind: Any = type(answer)
        validator(schema).validate(adapter_of(kind).dump_python(answer, mode="json"))


async def test_every_answer_of_a_server_is_described() -> None:
    told = description()
    values = {"instance": "station", "input": "input", "output": "output", "number": "1"}
    bodies = {"/api/v1/session": {"password": "x"}}
    async with operating() as operator:
        for route in ROUTES:
            if route.media != "application/json":
                continue
            path = route.path.format(**values)
            body = bodies.get(path, {"text": "Song"}) if route.body is not None else None
            for wanted in (path, path.replace("station", "other")):
                answer = await operator.ask(wanted, route.method, headers=OWN, json=body)
                described = told["paths"][route.path][route.method.lower()]["responses"][str(answer.status)]
                (media, content) = next(iter(described["content"].items()))
                assert answer.headers["Content-Type"] == media
                validator(content["schema"]).validate(answer.json)
