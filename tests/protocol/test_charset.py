"""Titles in any charset become text, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.protocol.charset import is_charset, one_line, repaired, without_references


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"plain", "cp1252", "plain"),
        ("Café Ü".encode(), "cp1252", "Café Ü"),
        ("Café".encode("cp1252"), "cp1252", "Café"),
        ("Привет".encode("cp1251"), "cp1251", "Привет"),
        ("Привет".encode(), "cp1251", "Привет"),
        (b"\x93quoted\x94", "cp1252", "“quoted”"),
        (b"no such byte \x81", "cp1252", "no such byte �"),
        (b"cut in a character: \xc3", "cp1252", "cut in a character: Ã"),
        (b"\xe9", "no-such-charset", "é"),
        (b"\xe9", "base64", "é"),
        (b"", "cp1252", ""),
    ],
)
def test_utf8_first_then_the_charset(data: bytes, charset: str, text: str) -> None:
    assert repaired(data, charset) == text


CHARSETS = ["cp1252", "cp1251", "latin-1", "ascii", "utf-8", "utf-16", "utf-32", "utf-7", "idna", "punycode"]
CHARSETS += ["shift_jis", "gb18030", "raw_unicode_escape", "rot13", "hex", "zlib", "undefined", ""]


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(CHARSETS))
def test_any_bytes_become_text_that_can_be_sent(data: bytes, charset: str) -> None:
    repaired(data, charset).encode("utf-8")


@settings(deadline=None)
@given(st.text())
def test_utf8_passes_unchanged(text: str) -> None:
    assert repaired(text.encode("utf-8")) == text


@pytest.mark.parametrize("name", ["cp1252", "CP1251", "latin-1", "koi8-r", "utf-8", "utf-16", "utf-32", "shift_jis"])
def test_charsets_are_known(name: str) -> None:
    assert is_charset(name)


@pytest.mark.parametrize("name", ["", "klingon", "base64", "rot13", "zlib", "undefined", "a\0b"])
def test_what_is_no_charset_is_refused(name: str) -> None:
    assert not is_charset(name)


def test_one_line_has_no_control_characters() -> None:
    assert one_line(" a\r\nb\tc\0d\x85e\u2028f\x1b[31m ") == "a  b c d e f [31m"


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("&#381;ofie", "Žofie"),
        ("&#1055;&#1056;", "ПР"),
        ("&#128522;", "😊"),
        ("R&#38;B &amp; &#x17d; &#55296; &#9999999; &#12", "R&#38;B &amp; &#x17d; &#55296; &#9999999; &#12"),
    ],
)
def test_only_the_references_that_icecast_makes_are_resolved(text: str, resolved: str) -> None:
    assert without_references(text) == resolved
