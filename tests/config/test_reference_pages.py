"""The generated manual, made from a small registry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from distreamer.config.describe import facts_of, summary_of, written_values
from distreamer.config.fields import Unit, Words
from distreamer.config.loader import parse
from distreamer.config.reference import reference, sample
from distreamer.config.registry import MODULE_KINDS
from distreamer.config.schema import schema
from distreamer.config.settings import GeneralSettings, PlayingOutputSettings, Settings
from tests.support.small_registry import REGISTRY, Charset, PullSettings, ServeSettings, ToneSettings

MODELS = [GeneralSettings, PlayingOutputSettings, PullSettings, ServeSettings, ToneSettings]

TONE_PAGE = """\
# [INPUT] MODE = Tone

Makes a tone.

## Keys

| key | default | must be |
|---|---|---|
| [HERTZ](#hertz) | required | a whole number from 20 to 20000 |
| [PRIORITY](#priority) | `1` | a whole number from 1 to 100 |
| [RETURN](#return) | `10` | a number of seconds from 0 to 86400 |

### HERTZ

How high it is.

- Must be a whole number from 20 to 20000.
- Default: required.
- Environment: `DS_INPUT_HERTZ`

### PRIORITY

With several inputs: which one is on air when all of them work. 1 comes before 2; those of the same priority come in \
the order of the file.

- Must be a whole number from 1 to 100.
- Default: `1`.
- Environment: `DS_INPUT_PRIORITY`

### RETURN

With several inputs: how long this one must have worked again before it takes the place of one of a lower priority. \
(A file or silence takes it at once.)

- Must be a number of seconds from 0 to 86400.
- Default: `10`.
- Environment: `DS_INPUT_RETURN`

## Example

```ini
[INPUT]
MODE = Tone
HERTZ = 20
PRIORITY = 1
RETURN = 10
```
"""


def test_a_page_says_everything_about_a_mode() -> None:
    assert reference(REGISTRY)["input-tone.md"] == TONE_PAGE


def test_there_is_a_page_for_everything_and_the_index_links_to_it() -> None:
    pages = reference(REGISTRY)
    assert list(pages) == [
        "README.md",
        "general.md",
        "input-pull.md",
        "input-tone.md",
        "output-serve.md",
        "output-play.md",
        "output-push.md",
        "alert-bell.md",
    ]
    assert set(re.findall(r"\]\(([a-z-]+\.md)\)", pages["README.md"])) == {*pages, "events.md", "metrics.md"} - {
        "README.md"
    }
    assert "| `[INPUT]` | [Pull](input-pull.md) | Listens to a server, like a player does. |" in pages["README.md"]


@pytest.mark.parametrize("model", MODELS)
def test_every_key_has_a_text(model: type[Settings]) -> None:
    assert [fact.key for fact in facts_of(model) if not fact.text.endswith((".", ")"))] == []


def test_keys_in_words() -> None:
    facts = {fact.key: fact for fact in facts_of(PullSettings)}
    assert list(facts) == [
        "MODE",
        "STREAMURL",
        "FRAGMENTSIZE",
        "GETMETADATA",
        "HTTPTIMEOUT",
        "CHARSET",
        "PASSWORD",
        "PRIORITY",
        "RETURN",
    ]
    assert (facts["STREAMURL"].required, facts["STREAMURL"].example) == (True, "http://radio.example:8000/live")
    assert (facts["GETMETADATA"].default, facts["GETMETADATA"].expectation) == ("yes", "yes or no")
    assert (facts["CHARSET"].default, facts["CHARSET"].expectation) == ("auto", "one of auto, latin-1")
    assert (facts["PASSWORD"].secret, facts["STREAMURL"].secret) == (True, False)
    assert summary_of(PullSettings) == "Listens to a server, like a player does."


class OddSettings(Settings):
    """Has keys whose author gave no example, and bounds on one side only."""

    choice: Literal["both", "one"]
    charset: Charset
    flag: bool
    number: Annotated[float, Field(ge=2.5)]
    count: Annotated[int, Unit("listeners"), Field(lt=7)]
    text: str
    made: Annotated[list[int], Words("numbers")] = Field(default_factory=list)


def test_required_keys_without_examples_get_one_that_loads() -> None:
    facts = {fact.key.lower(): fact for fact in facts_of(OddSettings)}
    examples = {key: fact.example for key, fact in facts.items() if fact.required}
    assert examples == {
        "choice": "both",
        "charset": "auto",
        "flag": "yes",
        "number": "2.5",
        "count": "1",
        "text": "text",
    }
    assert OddSettings.model_validate(examples).count == 1
    assert [fact.expectation for fact in facts.values()] == [
        "one of both, one",
        "one of auto, latin-1",
        "yes or no",
        "a number, at least 2.5",
        "a whole number of listeners, below 7",
        "a text",
        "numbers",
    ]


def test_written_values_hide_passwords() -> None:
    settings = PullSettings(mode="Pull", streamurl="http://me:secret@x/", password="sesame", getmetadata=False)
    assert written_values(settings) == [
        "MODE = Pull",
        "STREAMURL = http://me:***@x/",
        "GETMETADATA = no",
        "PASSWORD = ***",
    ]


@pytest.mark.parametrize("output_mode", REGISTRY.outputs)
@pytest.mark.parametrize("input_mode", REGISTRY.inputs)
def test_samples_load_as_they_are_and_without_semicolons(input_mode: str, output_mode: str) -> None:
    text = sample(REGISTRY, input_mode, output_mode)
    as_it_is = parse(text.encode(), Path("sample.conf"), REGISTRY, {})
    uncommented = parse(re.sub("^;", "", text, flags=re.MULTILINE).encode(), Path("sample.conf"), REGISTRY, {})
    assert as_it_is == uncommented
    assert (as_it_is.inputs[0].settings.mode, as_it_is.outputs[0].settings.mode) == (input_mode, output_mode)
    for model in (GeneralSettings, REGISTRY.inputs[input_mode], REGISTRY.outputs[output_mode]):
        for fact in facts_of(model):
            assert re.search(f"^;?{fact.key} =", text, re.MULTILINE), fact.key


def test_the_examples_on_the_pages_load() -> None:
    pages = reference(REGISTRY)
    needed = {"INPUT": ["output-serve.md"], "OUTPUT": ["input-tone.md"], "ALERT": ["input-tone.md", "output-serve.md"]}
    for kind in MODULE_KINDS:
        for mode in REGISTRY.modes(kind):
            names = ["general.md", f"{kind.lower()}-{mode.lower()}.md", *needed[kind]]
            text = "\n".join(re.search(r"```ini\n(.*?)```", pages[name], re.DOTALL)[1] for name in names)  # type: ignore[index] # each page has one
            assert parse(text.encode(), Path("page.conf"), REGISTRY, {}).general == GeneralSettings()


def test_the_schema_has_bounds_units_and_modes() -> None:
    made = schema(REGISTRY)
    pull, tone = made["properties"]["INPUT"]["oneOf"]
    assert pull["properties"]["MODE"] == {"const": "Pull"}
    assert tone["required"] == ["MODE", "HERTZ"]
    assert tone["additionalProperties"] is False
    assert (tone["properties"]["HERTZ"]["minimum"], tone["properties"]["HERTZ"]["maximum"]) == (20, 20000)
    assert pull["properties"]["HTTPTIMEOUT"]["unit"] == "seconds"
    assert made["properties"]["GENERAL"]["properties"]["DELAY"]["anyOf"][0] == {
        "maximum": 3600,
        "minimum": 1,
        "type": "number",
        "unit": "seconds",
    }
    assert made["$defs"]["Charset"]["enum"] == ["auto", "latin-1"]
    assert made["required"] == ["INPUT", "OUTPUT"]
    assert set(made["patternProperties"]) == {"^INPUT .+$", "^OUTPUT .+$", "^ALERT .+$"}
