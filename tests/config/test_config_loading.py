"""What good files and variables become."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from distreamer.config.instance import ConfiguredInput, ConfiguredOutput, InstanceConfig, by_preference
from distreamer.config.loader import load, load_all, load_environment, parse
from distreamer.config.settings import GeneralSettings
from distreamer.errors import ConfigError
from tests.support.small_registry import REGISTRY, Charset, PullSettings, ServeSettings, ToneSettings

GOOD = "[INPUT]\nMODE = Tone\nHERTZ = 440\n[OUTPUT]\nMODE = Serve\n"
PULL = "[INPUT]\nMODE = Pull\nSTREAMURL = http://radio.example:8000/;\n{}\n[OUTPUT]\nMODE = Serve\n"


def config(text: str | bytes, environ: dict[str, str] | None = None) -> InstanceConfig:
    """The instance of a file ``radio.conf``."""
    data = text.encode() if isinstance(text, str) else text
    return parse(data, Path("radio.conf"), REGISTRY, environ or {})


def outcome(attempt: Callable[[], InstanceConfig]) -> InstanceConfig | list[str]:
    """The instance, or what is wrong; any other exception is a defect."""
    try:
        return attempt()
    except ConfigError as error:
        return error.problems


def pull(line: str) -> PullSettings:
    """The input's settings, with one more line."""
    settings = config(PULL.format(line)).inputs[0].settings
    assert isinstance(settings, PullSettings)
    return settings


def test_defaults_are_filled_in() -> None:
    loaded = config(GOOD)
    assert loaded == InstanceConfig(
        name="radio",
        path=Path("radio.conf"),
        general=GeneralSettings(),
        inputs=(ConfiguredInput("input", ToneSettings(mode="Tone", hertz=440)),),
        outputs=(ConfiguredOutput("output", ServeSettings(mode="Serve", hostname="0.0.0.0", port=8080, timeout=30)),),
    )
    general = loaded.general
    assert (general.outputlevel, general.loglevel, general.logfile) == (2, 2, None)
    assert (general.history, general.delay, general.statusseconds) == (300, None, 60)


def test_only_what_was_written_counts_as_set() -> None:
    assert config(GOOD).outputs[0].settings.model_fields_set == {"mode"}
    assert config(GOOD + "PORT =\nTIMEOUT = 5").outputs[0].settings.model_fields_set == {"mode", "timeout"}


def test_sections_keys_and_modes_in_any_case_and_any_order() -> None:
    text = "; a comment\n[output]\n  MODE: sErVe\n# another\n[Input]\nhertz=50\n\tMode=TONE\n[general]\nHistory = 60"
    loaded = config(text)
    assert loaded.inputs == (("input", ToneSettings(mode="Tone", hertz=50)),)
    assert loaded.outputs[0].settings.mode == "Serve"
    assert loaded.general.history == 60


@pytest.mark.parametrize("word", ["yes", "Yes", "true", "TRUE", "t", "1", "on"])
def test_words_for_yes(word: str) -> None:
    assert pull(f"GETMETADATA = {word}").getmetadata is True


@pytest.mark.parametrize("word", ["no", "No", "false", "F", "0", "OFF"])
def test_words_for_no(word: str) -> None:
    assert pull(f"GETMETADATA = {word}").getmetadata is False


def test_values_of_every_kind() -> None:
    assert pull("").streamurl == "http://radio.example:8000/;"
    assert pull("HTTPTIMEOUT = 2.5").httptimeout == 2.5
    assert pull("CHARSET = latin-1").charset is Charset.LATIN
    assert pull("PASSWORD = a % = ; # b").password == "a % = ; # b"
    assert pull("PASSWORD =").password == ""
    assert config("[GENERAL]\nLOGFILE = log/radio.log\n" + GOOD).general.logfile == Path("log/radio.log")
    assert config("[GENERAL]\nLOGFILE =\n" + GOOD).general.logfile is None
    assert config(GOOD + "TIMEOUT = never").outputs[0].settings == ServeSettings(mode="Serve", timeout="never")


def test_passwords_are_not_in_what_python_prints() -> None:
    assert "sesame" not in repr(config(PULL.format("PASSWORD = sesame")))


def test_settings_cannot_be_changed() -> None:
    loaded = config(GOOD)
    with pytest.raises(ValidationError):
        loaded.general.history = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.name = "other"  # type: ignore[misc] # the point of the test


def test_named_sections_keep_the_order_of_the_file() -> None:
    loaded = config(
        "[INPUT first]\nMODE=Tone\nHERTZ=50\n"
        + GOOD
        + "[INPUT  Last  one]\nMODE=Tone\nHERTZ=60\n[OUTPUT b]\nMODE=Serve\nPORT=81"
    )
    assert [name for name, _ in loaded.inputs] == ["input first", "input", "input Last one"]
    assert [name for name, _ in loaded.outputs] == ["output", "output b"]


@pytest.mark.parametrize(
    "data",
    [
        "[GENERAL]\nNAME = Zürich\n".encode(),
        b"\xef\xbb\xbf" + "[GENERAL]\r\nNAME = Zürich\r\n".encode(),
        "[GENERAL]\nNAME = Zürich\n".encode("cp1252"),
        "[GENERAL]\rNAME = Zürich\r".encode("latin-1"),
    ],
)
def test_encodings_and_line_ends_of_old_editors(data: bytes) -> None:
    assert config(data + GOOD.encode()).name == "Zürich"


def test_a_file_saved_as_unicode_by_an_old_editor() -> None:
    assert config(("[GENERAL]\r\nNAME = Zürich\r\n" + GOOD).encode("utf-16")).name == "Zürich"


def test_variables_go_over_the_file() -> None:
    loaded = config(
        GOOD + "PORT = 1",
        {
            "DS_OUTPUT_PORT": "9000",
            "DS_OUTPUT_hostname": "127.0.0.1",
            "DS_INPUT_HERTZ": "50",
            "DS_GENERAL_HISTORY": "60",
            "DS_INPUTS_MODE": "none of ours",
            "HOME": "/",
        },
    )
    assert loaded.outputs[0].settings == ServeSettings(mode="Serve", hostname="127.0.0.1", port=9000)
    assert loaded.inputs[0].settings == ToneSettings(mode="Tone", hertz=50)
    assert loaded.general.history == 60


def test_an_empty_variable_asks_for_the_default() -> None:
    assert config(GOOD + "PORT = 1", {"DS_OUTPUT_PORT": ""}).outputs[0].settings == ServeSettings(mode="Serve")


def test_variables_reach_named_sections_and_make_new_ones() -> None:
    loaded = config(
        GOOD + "[INPUT North-Sea 2]\nMODE = Tone\nHERTZ = 50",
        {
            "DS_INPUT_NORTH_SEA_2__HERTZ": "60",
            "DS_OUTPUT_WEST__MODE": "Serve",
            "DS_OUTPUT_WEST__PORT": "81",
            "DS_OUTPUT_EAST__MODE": "Serve",
            "DS_OUTPUT_EAST__PORT": "82",
        },
    )
    assert loaded.inputs[1] == ("input North-Sea 2", ToneSettings(mode="Tone", hertz=60))
    assert [name for name, _ in loaded.outputs] == ["output", "output east", "output west"]
    assert loaded.outputs[2].settings == ServeSettings(mode="Serve", port=81)


def test_variables_alone_make_an_instance() -> None:
    environ = {"DS_INPUT_MODE": "Tone", "DS_INPUT_HERTZ": "50", "DS_OUTPUT_MODE": "Serve"}
    loaded = load_environment(REGISTRY, environ)
    assert (loaded.name, loaded.path) == ("distreamer", None)
    assert load_environment(REGISTRY, {**environ, "DS_GENERAL_NAME": "east"}).name == "east"


def test_files_of_one_stem_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "distreamer.conf" for folder in ("east", "west")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(GOOD)
    other = tmp_path / "distreamer2.conf"
    other.write_text(GOOD + "[GENERAL]\nNAME = north")
    loaded = load_all([*paths, other], REGISTRY, {})
    assert [instance.name for instance in loaded] == ["east/distreamer", "west/distreamer", "north"]
    assert [instance.path for instance in loaded] == [*paths, other]
    assert load(paths[0], REGISTRY, {}).name == "distreamer"


@pytest.mark.parametrize("name", [b"Z\xfcrich.conf", "Zürich.conf".encode()])
def test_the_name_of_a_file_is_text_whatever_its_bytes_are(tmp_path: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/stra\xdfe/" + name))
    path.parent.mkdir()
    path.write_text(GOOD)
    assert load(path, REGISTRY, {}).name == "Zürich"
    (tmp_path / "Zürich.conf").write_text(GOOD)
    both = load_all([path, tmp_path / "Zürich.conf"], REGISTRY, {})
    assert [instance.name for instance in both] == ["straße/Zürich", f"{tmp_path.name}/Zürich"]


_LINES = st.one_of(
    st.sampled_from(
        [
            "[INPUT]", "[OUTPUT]", "[GENERAL]", "[INPUT x]", "MODE = Tone", "MODE = Serve", "MODE = Pull", "HERTZ = 50",
            "PORT = 70000", "STREAMURL = http://[::1", "STREAMURL = http://[v1.x]:x/", "HISTORY = 1e400", "PORT =",
            "[INPUT", "LOGFILE = \x00", "[INPUT]\nMODE = Tone\nHERTZ = 50", "[OUTPUT]\nMODE = Serve",
        ]
    ),
    st.text(max_size=30),
)  # fmt: skip


@settings(deadline=None)
@example(GOOD, {})
@given(st.lists(_LINES, max_size=12).map("\n".join), st.dictionaries(st.sampled_from(["GENERAL", "INPUT"]), st.text()))
def test_any_text_and_any_variables_give_an_instance_or_a_config_error(text: str, values: dict[str, str]) -> None:
    environ = {f"DS_{kind}_{value[:5]}": value for kind, value in values.items()}
    data = text.encode("utf-8", "replace")
    result = outcome(lambda: parse(data, Path("any.conf"), REGISTRY, environ))
    if isinstance(result, InstanceConfig):
        assert result.inputs
        assert result.outputs
    else:
        assert result
        assert all(problem.isprintable() for problem in result)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_instance_or_a_config_error(data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(data, Path("any.conf"), REGISTRY, {})
    assert all(problem.startswith("any.conf") and problem.isprintable() for problem in caught.value.problems)


@settings(deadline=None)
@given(
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(["DS_GENERAL_LOGFILE", "DS_GENERAL_HISTORY", "DS_INPUT_STREAMURL", "DS_INPUT_PASSWORD"]),
)
def test_any_value_of_a_variable_gives_an_instance_or_names_the_variable(value: str, variable: str) -> None:
    environ = {"DS_INPUT_MODE": "Pull", "DS_INPUT_STREAMURL": "http://x/", "DS_OUTPUT_MODE": "Serve"}
    result = outcome(lambda: load_environment(REGISTRY, {**environ, variable: value}))
    if isinstance(result, InstanceConfig):
        assert result.outputs[0].settings == ServeSettings(mode="Serve")
    elif not value.strip():
        assert result == [
            "environment variable DS_INPUT_STREAMURL: [INPUT] STREAMURL is missing: it must be an address that "
            "begins with http:// or https://, such as http://radio.example:8000/live"
        ]
    else:
        assert [problem.startswith(f"environment variable {variable}: ") for problem in result] == [True]


def test_further_inputs_are_fallbacks_with_a_priority_and_a_time_to_return() -> None:
    found = config(GOOD + "[INPUT night]\nMODE = Tone\nHERTZ = 220\nPRIORITY = 3\nRETURN = 2.5\n").inputs
    assert [(one.name, one.settings.priority, one.settings.return_) for one in found] == [
        ("input", 1, 10),
        ("input night", 3, 2.5),
    ]


def test_a_named_input_can_be_made_of_variables_alone() -> None:
    environ = {"DS_INPUT_NIGHT__MODE": "Tone", "DS_INPUT_NIGHT__HERTZ": "220", "DS_INPUT_NIGHT__RETURN": "0"}
    found = parse(GOOD.encode(), Path("radio.conf"), REGISTRY, environ).inputs
    assert [(one.name, one.settings.return_) for one in found] == [("input", 10), ("input night", 0)]


def test_two_instances_cannot_have_one_spool(tmp_path: Path) -> None:
    for name, folder in (("east", "spool"), ("west", "./other/../spool"), ("north", "elsewhere")):
        (tmp_path / f"{name}.conf").write_text(f"[GENERAL]\nSPOOL = {tmp_path / folder}\n{GOOD}")
    east, west, north = (tmp_path / f"{name}.conf" for name in ("east", "west", "north"))
    assert len(load_all([east, north], REGISTRY, {})) == 2
    with pytest.raises(ConfigError) as raised:
        load_all([east, west], REGISTRY, {})
    assert raised.value.problems == [
        f"{west}: [GENERAL] SPOOL = {tmp_path / './other/../spool'} is the folder of {east} already;"
        " each instance needs one of its own"
    ]


def test_of_variables_alone_the_input_without_a_name_is_preferred() -> None:
    environ = {
        "DS_INPUT_BACKUP__MODE": "Tone", "DS_INPUT_BACKUP__HERTZ": "60",
        "DS_INPUT_MODE": "Tone", "DS_INPUT_HERTZ": "50", "DS_OUTPUT_MODE": "Serve",
    }  # fmt: skip
    config = load_environment(REGISTRY, environ)
    assert [name for name, _ in by_preference(config.inputs)] == ["input", "input backup"]
