"""Every fault that a configuration can have, with the exact words that people get."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distreamer.config.loader import LARGEST_FILE_BYTES, load, load_all, load_environment, parse
from distreamer.errors import ConfigError
from distreamer.runtime.modules import REGISTRY as MODULES
from tests.support.small_registry import REGISTRY

GOOD = "[INPUT]\nMODE = Tone\nHERTZ = 440\n[OUTPUT]\nMODE = Serve\n"


def problems(text: str | bytes, environ: dict[str, str] | None = None) -> list[str]:
    """What is said about a file ``radio.conf``."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        parse(data, Path("radio.conf"), REGISTRY, environ or {})
    return caught.value.problems


def test_a_path_that_the_locale_has_no_letters_for_is_told_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsencode", lambda path: str(path).encode("ascii"))
    words = "has letters that this system's locale lacks; LANG=C.UTF-8 has all"
    assert problems(f"{GOOD}[GENERAL]\nLOGFILE = /über.log\nEVENTLOG = /e\nFILLER = ü.mp3") == [
        f"radio.conf:7: [GENERAL] LOGFILE = /über.log {words}",
        f"radio.conf:9: [GENERAL] FILLER = ü.mp3 {words}",
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("OUTPUTLEVEL = 5", "[GENERAL] OUTPUTLEVEL = 5 must be a whole number from 0 to 4"),
        ("OUTPUTLEVEL = -1", "[GENERAL] OUTPUTLEVEL = -1 must be a whole number from 0 to 4"),
        ("OUTPUTLEVEL = 2.5", "[GENERAL] OUTPUTLEVEL = 2.5 must be a whole number from 0 to 4"),
        ("HISTORY = long", "[GENERAL] HISTORY = long must be a number of seconds from 10 to 86400"),
        ("HISTORY = nan", "[GENERAL] HISTORY = nan must be a number of seconds from 10 to 86400"),
        ("HISTORY = inf", "[GENERAL] HISTORY = inf must be a number of seconds from 10 to 86400"),
        ("DELAY = 0.5", "[GENERAL] DELAY = 0.5 must be a number of seconds from 1 to 3600"),
        ("NAME = " + 65 * "x", f"[GENERAL] NAME = {65 * 'x'} must be a text of at most 64 characters"),
        ("NAME = a\tb", "[GENERAL] NAME = a\\tb contains a character that is not text"),
        ("HISTROY = 60", "[GENERAL] has no key HISTROY; did you mean HISTORY?"),
        ("HERTZ = 60", "[GENERAL] has no key HERTZ; it belongs to [INPUT] MODE = Tone"),
        ("MODE = Tone", "[GENERAL] has no key MODE; it belongs in [INPUT], [OUTPUT] and [ALERT]"),
        ("XYLOPHONE = 1", "[GENERAL] has no key XYLOPHONE"),
        ("hello", "this line is neither [SECTION] nor KEY = VALUE"),
        ("= 5", "this line is neither [SECTION] nor KEY = VALUE"),
        ("[GENERAL", "this line is neither [SECTION] nor KEY = VALUE"),
        ("[]", "this line is neither [SECTION] nor KEY = VALUE"),
        ("[GENERAL]", "[GENERAL] is in line 6 already"),
        ("[GENERAL two]", "[GENERAL] takes no name: there is one for the whole instance"),
        ("[INPUT]", "[INPUT] is in line 1 already; a further one needs another name: [INPUT name]"),
        ("[INPTU]", "there is no section [INPTU]; did you mean [INPUT]?"),
        ("[ ]", "there is no section [ ]; the sections are [GENERAL], [INPUT], [OUTPUT] and [ALERT]"),
        ("[FILTER]", "there is no section [FILTER]; the sections are [GENERAL], [INPUT], [OUTPUT] and [ALERT]"),
        (
            "[INPUT a/b]",
            "[INPUT a/b]: a section's name must be made of letters, digits, spaces, dots, hyphens and "
            "underscores, 40 at most",
        ),
    ],
)
def test_one_wrong_line_is_told_with_its_number(line: str, problem: str) -> None:
    assert problems(f"{GOOD}[GENERAL]\n{line}\n") == [f"radio.conf:7: {problem}"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["MODE = Tone"], "1: [INPUT] HERTZ is missing: it must be a whole number from 20 to 20000, such as 20"),
        (
            ["MODE = Tone", "HERTZ ="],
            "3: [INPUT] HERTZ is missing: it must be a whole number from 20 to 20000, such as 20",
        ),
        (["MODE = Tone", "HERZ = 440"], "3: [INPUT] has no key HERZ for MODE = Tone; did you mean HERTZ?"),
        (["HERTZ = 440"], "1: [INPUT] MODE is missing; MODE may be Pull, Tone"),
        (["MODE =", "HERTZ = 440"], "2: [INPUT] MODE is missing; MODE may be Pull, Tone"),
        (["MODE = Tune"], "2: [INPUT] MODE = Tune: there is no such input; did you mean Tone?"),
        (["MODE = Fish"], "2: [INPUT] MODE = Fish: there is no such input; MODE may be Pull, Tone"),
        (
            ["MODE = serve"],
            "2: [INPUT] MODE = serve: there is no such input; it is an output: put it under [OUTPUT]",
        ),
        (
            ["MODE = Tone", "HERTZ = 440", "Hertz = 441"],
            "4: [INPUT] HERTZ is in line 3 already",
        ),
        (
            ["MODE = Tone", "HERTZ = 440", "DELAY = 20"],
            "4: [INPUT] has no key DELAY for MODE = Tone; it belongs in [GENERAL]",
        ),
        (
            ["MODE = Pull", "STREAMURL = radio.example"],
            "3: [INPUT] STREAMURL = radio.example must begin with http:// or https://",
        ),
        (
            ["MODE = Pull", "STREAMURL = ftp://me:secret@radio.example"],
            "3: [INPUT] STREAMURL = ftp://me:***@radio.example must begin with http:// or https://",
        ),
        (
            ["MODE = Pull", "STREAMURL = http:///live"],
            "3: [INPUT] STREAMURL = http:///live must name a host after http:// or https://",
        ),
        (
            ["MODE = Pull", "STREAMURL = http://radio.example:99999/"],
            "3: [INPUT] STREAMURL = http://radio.example:99999/ must have a port from 1 to 65535 after the colon",
        ),
        (
            ["MODE = Pull", "STREAMURL = http://radio.example/a b"],
            "3: [INPUT] STREAMURL = http://radio.example/a b must not contain a space",
        ),
        (
            ["MODE = Pull", "STREAMURL = http://x/", "FRAGMENTSIZE = 0"],
            "4: [INPUT] FRAGMENTSIZE = 0 must be a whole number of bytes, at least 1",
        ),
        (
            ["MODE = Pull", "STREAMURL = http://x/", "GETMETADATA = maybe"],
            "4: [INPUT] GETMETADATA = maybe must be yes or no",
        ),
        (
            ["MODE = Pull", "STREAMURL = http://x/", "HTTPTIMEOUT = 0"],
            "4: [INPUT] HTTPTIMEOUT = 0 must be a number of seconds, above 0 and below 100",
        ),
        (
            ["MODE = Pull", "STREAMURL = http://x/", "CHARSET = klingon"],
            "4: [INPUT] CHARSET = klingon must be one of auto, latin-1",
        ),
        (
            ["MODE = Pull", "STREAMURL = http://x/", "PASSWORD = sec\x01ret"],
            "4: [INPUT] PASSWORD = *** contains a character that is not text",
        ),
    ],
)
def test_one_fault_of_an_input(lines: list[str], problem: str) -> None:
    text = "\n".join(["[INPUT]", *lines, "[OUTPUT]", "MODE = Serve"])
    assert problems(text) == [f"radio.conf:{problem}"]


def test_a_value_of_two_kinds_names_both() -> None:
    assert problems(GOOD + "TIMEOUT = 0") == [
        "radio.conf:6: [OUTPUT] TIMEOUT = 0 must be one of never or a number of seconds from 1 to 60"
    ]


def test_delay_must_not_be_above_history() -> None:
    assert problems(GOOD + "[GENERAL]\nHISTORY = 30\nDELAY = 40") == [
        "radio.conf:6: [GENERAL] DELAY = 40 must not be above HISTORY = 30: "
        "what the listeners have yet to hear must be kept"
    ]


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "PORT = 1\nHOSTNAME = x\n[INPUT]\nMODE = Tone\nHERTZ = 3\n[OUTPUT studio]\nmode = serve\nport = -1\nnonsense"
    assert problems(text, {"DS_OUTPUT_STUDIO__TIMEOUT": "no", "DS_GENERAL_TEMPO": "1", "DS_OTHER": "1"}) == [
        "radio.conf:1: PORT stands above the first section, such as [INPUT]",
        "radio.conf:5: [INPUT] HERTZ = 3 must be a whole number from 20 to 20000",
        "radio.conf:8: [OUTPUT studio] PORT = -1 must be a whole number from 0 to 65535",
        "radio.conf:9: this line is neither [SECTION] nor KEY = VALUE",
        "environment variable DS_GENERAL_TEMPO: [GENERAL] has no key TEMPO",
        "environment variable DS_OUTPUT_STUDIO__TIMEOUT: [OUTPUT studio] TIMEOUT = no must be one of never or a "
        "number of seconds from 1 to 60",
    ]


def test_an_empty_file_lacks_both_sections() -> None:
    assert problems("") == [
        "radio.conf: there is no [INPUT] section; MODE may be Pull, Tone",
        "radio.conf: there is no [OUTPUT] section; MODE may be Serve, Play, Push",
    ]


def test_sections_whose_names_one_variable_would_mean_are_one() -> None:
    text = GOOD + "[INPUT north sea]\nMODE = Tone\nHERTZ = 50\n[input North-Sea]\nMODE = Tone\nHERTZ = 60"
    assert problems(text) == [
        "radio.conf:9: [INPUT North-Sea] is in line 6 already, as [INPUT north sea]; "
        "a further one needs another name: [INPUT name]"
    ]


def test_what_is_no_text_file() -> None:
    assert problems(b"\x81\x8d") == ["radio.conf: is not a text file in UTF-8 or Windows-1252"]
    assert problems(b" " * (LARGEST_FILE_BYTES + 1)) == [
        "radio.conf: is larger than 100000 bytes: not a configuration file"
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "none.conf"
    with pytest.raises(ConfigError) as caught:
        load(missing, REGISTRY, {})
    assert caught.value.problems == [f"{missing}: cannot be read: No such file or directory"]


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("a\0b"), REGISTRY, {})
    assert caught.value.problems == ["a\\x00b: cannot be read: embedded null byte"]


def test_the_environment_alone_lacks_an_output() -> None:
    with pytest.raises(ConfigError) as caught:
        load_environment(REGISTRY, {"DS_INPUT_MODE": "Tone"})
    assert caught.value.problems == [
        "the environment: there is no [OUTPUT] section; MODE may be Serve, Play, Push",
        "environment variable DS_INPUT_MODE: [INPUT] HERTZ is missing: it must be a whole number from 20 to 20000, "
        "such as 20",
    ]


def test_the_faults_of_all_files_are_told_together(tmp_path: Path) -> None:
    one, two, good = tmp_path / "one.conf", tmp_path / "two.conf", tmp_path / "good.conf"
    one.write_text(GOOD + "PRT = 1")
    two.write_text(GOOD + "PORT = x")
    good.write_text(GOOD)
    with pytest.raises(ConfigError) as caught:
        load_all([one, good, two], REGISTRY, {})
    assert caught.value.problems == [
        f"{one}:6: [OUTPUT] has no key PRT for MODE = Serve; did you mean PORT?",
        f"{two}:6: [OUTPUT] PORT = x must be a whole number from 0 to 65535",
    ]


def test_the_same_file_twice_and_the_same_name_twice(tmp_path: Path) -> None:
    one, two = tmp_path / "one.conf", tmp_path / "two.conf"
    one.write_text(GOOD)
    two.write_text(GOOD + "[GENERAL]\nNAME = one")
    with pytest.raises(ConfigError) as caught:
        load_all([one, one], REGISTRY, {})
    assert caught.value.problems == [f"{one}: is given twice"]
    with pytest.raises(ConfigError) as caught:
        load_all([two, two], REGISTRY, {})
    assert caught.value.problems == [f"{two}: is given twice"]
    with pytest.raises(ConfigError) as caught:
        load_all([one, two], REGISTRY, {"DS_GENERAL_NAME": "both"})
    assert caught.value.problems == [f"{two}: is called both as {one} is; set another [GENERAL] NAME"]


@pytest.mark.parametrize(
    ("one", "other", "is_told"),
    [
        ("PORT = 9000", "PORT = 9000", True),
        ("PORT = 9000", "PORT = 9001", False),
        ("", "", True),
        ("PORT = 0", "PORT = 0", False),
        ("HOSTNAME = 127.0.0.1\nPORT = 9000", "PORT = 9000", True),
        ("PORT = 9000", "HOSTNAME = ::\nPORT = 9000", False),
        ("HOSTNAME = ::1\nPORT = 9000", "HOSTNAME = ::\nPORT = 9000", True),
        ("HOSTNAME = 127.0.0.1\nPORT = 9000", "HOSTNAME = 127.0.0.2\nPORT = 9000", False),
    ],
)
def test_two_modules_that_want_the_same_port(one: str, other: str, is_told: bool) -> None:
    text = f"{GOOD}{one}\n[OUTPUT two]\nMODE = Serve\n{other}\n"
    if not is_told:
        parse(text.encode(), Path("radio.conf"), REGISTRY, {})
        return
    (problem,) = problems(text)
    port = "8080" if not one else "9000"
    line = text.splitlines().index("[OUTPUT two]") + 1 if not other else len(text.splitlines())
    assert problem == f"radio.conf:{line}: [OUTPUT two] PORT = {port} is taken by [OUTPUT], whose PORT = {port}"


def test_the_second_port_of_a_module_counts_too() -> None:
    encoder, players = "[INPUT]\nMODE = ShoutcastSourceServer\n", "[OUTPUT]\nMODE = HlsServer\nPORT = 8081\n"
    taken = "8080 (which takes 8081 too)"
    for text, problem in (
        (encoder + players, f"5: [OUTPUT] PORT = 8081 is taken by [INPUT], whose PORT = {taken}"),
        (players + encoder, f"4: [INPUT] PORT = {taken} is taken by [OUTPUT], whose PORT = 8081"),
    ):
        with pytest.raises(ConfigError) as caught:
            parse(text.encode(), Path("radio.conf"), MODULES, {})
        assert caught.value.problems == [f"radio.conf:{problem}"]
    parse((encoder + players.replace("8081", "8082")).encode(), Path("radio.conf"), MODULES, {})
