"""An event in the forms that receivers want."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.alerts.message import Message, Stage
from distreamer.alerts.template import PLACES, check_body, filled
from distreamer.model.event import Event, Severity
from tests.support.alerts import WALL, began, ended

DOWN = Event(
    "link_down",
    WALL,
    "studio",
    Severity.WARNING,
    'the link to "192.0.2.7" is down',
    "input",
    facts={"carrier": "quic", "budget_seconds": 12.5, "nothing": None},
    number=77,
)
TOLD = Message(Stage.PROBLEM, DOWN, 77)


@pytest.fixture(autouse=True)
def _in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Vienna")
        time.tzset()
        yield
    time.tzset()


def test_one_line_says_what_where_and_when() -> None:
    assert TOLD.title == '[problem] studio: the link to "192.0.2.7" is down'
    assert TOLD.text == '[problem] studio: the link to "192.0.2.7" is down (2023-11-14 23:13:20 +0100)'


def test_the_letter_has_all_numbers() -> None:
    assert TOLD.letter.splitlines() == [
        'the link to "192.0.2.7" is down.',
        "",
        "When: 2023-11-14 23:13:20 +0100",
        "Instance: studio",
        "What: link_down (warning)",
        "Where: input",
        "Event: 77",
        "  carrier: quic",
        "  budget_seconds: 12.5",
    ]


def test_ends_and_flapping_say_how_often_it_came() -> None:
    up = ended(DOWN)
    assert Message(Stage.RESOLVED, up, 77).title == "[resolved] studio: link_down ended (after 22 s)"
    assert Message(Stage.RESOLVED, up, 77, 9).title.endswith("; it had come 9 times")
    flapping = Message(Stage.FLAPPING, DOWN, 77, 5)
    assert flapping.title.startswith("[problem] studio: the link to")
    assert "; it began 5 times within an hour, so how it comes and goes is not told any more" in flapping.title


def test_the_json_is_the_event_and_more() -> None:
    document = json.loads(TOLD.as_json())
    assert document == {
        "state": "problem",
        "title": TOLD.title,
        "text": TOLD.text,
        "problem": 77,
        "times": 1,
        "time": "2023-11-14T22:13:20.000Z",
        "kind": "link_down",
        "at": WALL,
        "instance": "studio",
        "severity": "warning",
        "sentence": 'the link to "192.0.2.7" is down',
        "subject": "input",
        "resolves": "",
        "lasted_seconds": None,
        "facts": {"carrier": "quic", "budget_seconds": 12.5, "nothing": None},
        "number": 77,
    }


def test_variables_have_the_same_but_for_the_facts() -> None:
    variables = TOLD.variables()
    assert variables["DISTREAMER_EVENT_STATE"] == "problem"
    assert variables["DISTREAMER_EVENT_TEXT"] == TOLD.text
    assert variables["DISTREAMER_EVENT_LASTED_SECONDS"] == ""
    assert variables["DISTREAMER_EVENT_NUMBER"] == "77"
    assert "DISTREAMER_EVENT_FACTS" not in variables
    assert {name.removeprefix("DISTREAMER_EVENT_").lower() for name in variables} == TOLD.document().keys() - {"facts"}


@given(st.text())
def test_no_text_of_a_source_breaks_any_form(text: str) -> None:
    message = Message(Stage.PROBLEM, replace(DOWN, sentence=text, subject=text, facts={"title": text}), 77)
    for line in (message.title, message.text, *message.variables().values()):
        assert line.isprintable()
        line.encode()
    message.letter.encode()
    assert json.loads(message.as_json())["kind"] == "link_down"
    _, body = filled('{"text": "{text}"}', message)
    assert json.loads(body) == {"text": message.text}


@pytest.mark.parametrize(
    ("template", "content_type", "body"),
    [
        ("{title}!", "text/plain; charset=utf-8", f"{TOLD.title}!"),
        ("ü {instance} {kind}", "text/plain; charset=utf-8", "ü studio link_down"),
        ('{"a": ["{sentence}", {"{kind}": 1}], "b": true}', "application/json", None),
        ("", "application/json", None),
    ],
)
def test_a_body_is_filled_in(template: str, content_type: str, body: str | None) -> None:
    found_type, found = filled(check_body(template), TOLD)
    assert found_type == content_type
    if body is not None:
        assert found.decode() == body
    elif template:
        assert json.loads(found) == {"a": [DOWN.sentence, {"{kind}": 1}], "b": True}
    else:
        assert found == TOLD.as_json()


def test_every_place_has_a_value() -> None:
    _, body = filled(json.dumps({name: f"{{{name}}}" for name in PLACES}), TOLD)
    document = TOLD.document()
    assert json.loads(body) == {name: str(document[name]) for name in PLACES}


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ('{"text": }', "must be valid JSON, as it begins like it"),
        ("[{text}]", "must be valid JSON, as it begins like it"),
        ("{txt}", r"\{txt\} is none of them"),
        ('{"a": [{"b": "{facts}"}]}', r"\{facts\} is none of them"),
        ("{text} {}", r"\{\} is none of them"),
    ],
)
def test_a_body_that_cannot_be_filled_in_is_refused(template: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        check_body(template)


def test_the_time_of_an_event_is_its_own() -> None:
    assert "2023-11-14 23:14:20" in Message(Stage.PROBLEM, began(at=WALL + 60), 1).text
