"""The reader against configparser, whose files it reads, and its line numbers."""

from __future__ import annotations

import configparser

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from distreamer.config.ini import read_ini

_WORD = st.text(st.sampled_from("abcXYZ019_-./:; é"), min_size=1, max_size=8)
_KEY_LINE = st.tuples(_WORD, st.sampled_from([" = ", "=", ": "]), _WORD).map("".join)
_COMMENT = _WORD.map("# {}".format)
_LINE = st.one_of(st.just(""), _COMMENT, _KEY_LINE)


@settings(deadline=None)
@given(st.lists(_LINE, max_size=8), st.lists(_LINE, max_size=8))
def test_what_configparser_reads_is_read_alike(inputs: list[str], outputs: list[str]) -> None:
    # An indented line goes on with the value above it for configparser, and is a key of its own for us.
    text = "\n".join(line.strip() for line in ["[INPUT]", *inputs, "[OUTPUT]", *outputs])
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(text)
    except configparser.Error:
        assume(False)
    sections, problems = read_ini(text, "any.conf")
    assert problems == []
    assert {
        kind: {key: entry.value for key, entry in section.entries.items()} for (kind, _), section in sections.items()
    } == {kind: dict(parser[kind]) for kind in parser.sections()}


def test_every_key_knows_its_line() -> None:
    sections, problems = read_ini("\r\n[INPUT]\n\rA = 1\n\n  ; no\n\tB: 2\r[OUTPUT x]\nC=", "some.conf")
    assert problems == []
    places = {str(entry.place) for section in sections.values() for entry in section.entries.values()}
    assert places == {"some.conf:4", "some.conf:7", "some.conf:9"}
    assert [str(section.place) for section in sections.values()] == ["some.conf:2", "some.conf:8"]


def test_keys_below_a_bad_header_are_passed_over() -> None:
    sections, problems = read_ini("[INPTU]\nA = 1\nnonsense\n[INPUT]\nB = 2", "some.conf")
    assert list(sections) == [("INPUT", "")]
    assert list(sections["INPUT", ""].entries) == ["b"]
    assert [str(problem) for problem in problems] == [
        "some.conf:1: there is no section [INPTU]; did you mean [INPUT]?",
        "some.conf:3: this line is neither [SECTION] nor KEY = VALUE",
    ]
