"""What requests give away about players: who wants a page, who only looks, who needs another framing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distreamer.protocol.player_habits import BodyRules, Framing, is_probe, wants_page
from tests.support.player_requests import CHROME, FIREFOX, FIREFOX_AUDIO, HTML, SAFARI, request


@pytest.mark.parametrize(
    "fields",
    [
        (f"User-Agent: {CHROME}", f"Accept: {HTML}"),
        (f"User-Agent: {CHROME}", f"Accept: {HTML}", "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate"),
        (f"User-Agent: {CHROME}", f"Accept: {HTML}", "Sec-Fetch-Dest: iframe"),
        (f"User-Agent: {SAFARI}", f"Accept: {HTML}"),
        ("User-Agent: Mozilla/5.0",),
        ("User-Agent: Mozilla/5.0", "Accept: */*"),
        ("User-Agent: Lynx/2.9.0", "Accept: text/html, text/plain, */*;q=0.01"),
    ],
)
def test_browsers_that_show_something_get_the_page(fields: tuple[str, ...]) -> None:
    assert wants_page(request("/", *fields))
    assert wants_page(request("/?from=link", *fields))
    assert wants_page(request("/", *fields, method="HEAD"))
    assert not wants_page(request("/;", *fields))
    assert not wants_page(request("/stream", *fields))


@pytest.mark.parametrize(
    "fields",
    [
        # <audio src="/"> over HTTPS, and where browsers do not say what they want it for.
        (f"User-Agent: {CHROME}", "Accept: */*", "Range: bytes=0-", "Sec-Fetch-Dest: audio"),
        (f"User-Agent: {CHROME}", "Accept: */*", "Range: bytes=0-"),
        (f"User-Agent: {FIREFOX}", f"Accept: {FIREFOX_AUDIO}", "Range: bytes=0-"),
        (f"User-Agent: {FIREFOX}", f"Accept: {FIREFOX_AUDIO}"),
        (f"User-Agent: {SAFARI}", "Accept: */*", "Range: bytes=0-1"),
        # A script of a page that plays by itself.
        (f"User-Agent: {CHROME}", "Accept: */*", "Icy-MetaData: 1"),
        (f"User-Agent: {CHROME}", "Accept: */*", "Sec-Fetch-Dest: empty"),
        (f"User-Agent: {CHROME}", f"Accept: {HTML}", "Sec-Fetch-Dest: video"),
        # Programs.
        ("User-Agent: VLC/3.0.21 LibVLC/3.0.21", "Range: bytes=0-", "Icy-MetaData: 1"),
        ("User-Agent: VLC/3.0.21 LibVLC/3.0.21", "Accept: */*"),
        ("User-Agent: Lavf/60.16.100", "Accept: */*", "Range: bytes=0-"),
        ("User-Agent: curl/8.5.0", "Accept: */*"),
        ("User-Agent: WinampMPEG/5.66", "Accept: */*"),
        ("User-Agent: NSPlayer/12.00.19041.3636 WMFSDK/12.00.19041.3636", "Accept: */*"),
        ("User-Agent: Mozilla/5.0 (Linux; Android 13) ExoPlayerLib/2.18.1",),
        ("User-Agent: Mozilla/4.0 (compatible; iTunes/12.9; QuickTime)", "Accept: */*"),
        ("User-Agent: Linux UPnP/1.0 Sonos/83.1-61240 (ZPS1)",),
        (),
    ],
)
def test_whoever_wants_to_play_gets_the_stream(fields: tuple[str, ...]) -> None:
    assert not wants_page(request("/", *fields))


@pytest.mark.parametrize(
    ("field", "looks_only"),
    [
        ("Range: bytes=0-1", True),
        ("range: BYTES=0-0", True),
        ("Range: bytes=0-1023", True),
        ("Range: bytes=0-1024", False),
        ("Range: bytes=0-", False),
        ("Range: bytes=1-2", False),
        ("Range: bytes=0-1, 5-6", False),
        ("Accept: */*", False),
    ],
)
def test_who_asks_for_the_first_bytes_only_looks(field: str, looks_only: bool) -> None:
    assert is_probe(request("/", field)) is looks_only


SONOS = "User-Agent: Linux UPnP/1.0 Sonos/57.13 (ZPS1)"


@pytest.mark.parametrize(
    ("rules", "fields", "version", "icy", "framing"),
    [
        ("none", (), "1.1", False, Framing.NONE),
        ("chunked", (), "1.1", False, Framing.CHUNKED),
        ("chunked", (), "1.0", False, Framing.NONE),
        ("chunked", (), "1.1", True, Framing.NONE),
        ("chunked", ("User-Agent: Windows-Media-Player/12.0",), "1.1", False, Framing.NONE),
        ("length", (), "1.0", True, Framing.LENGTH),
        ("none, Sonos: chunked", (SONOS,), "1.1", False, Framing.CHUNKED),
        ("none, Sonos: chunked", ("User-Agent: other",), "1.1", False, Framing.NONE),
        ("Sonos: chunked", (SONOS,), "1.1", False, Framing.CHUNKED),
        ("CHUNKED, sonos: NONE", (SONOS,), "1.1", False, Framing.NONE),
        ("none, UPnP/1.0: length, Sonos: chunked", (SONOS,), "1.1", False, Framing.LENGTH),
        ("none, AVR (2010): length", ("User-Agent: AVR (2010)",), "1.0", False, Framing.LENGTH),
    ],
)
def test_framing(rules: str, fields: tuple[str, ...], version: str, icy: bool, framing: Framing) -> None:
    assert BodyRules.parse(rules).framing_for(request("/", *fields, version=version), icy=icy) is framing


@pytest.mark.parametrize("text", ["", "some", "none, chunked", ": chunked", "none,, x: length", "none, Sonos", "x: y"])
def test_rules_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be none, chunked or length, and behind it, .* is not understood$"):
        BodyRules.parse(text)


WORDS = st.sampled_from(["none", "chunked", "length", "Sonos", "VLC 3", ",", ":", " "])


@example("none, Sonos : chunked,VLC 3:length")
@given(st.lists(WORDS, max_size=12).map("".join))
def test_rules_are_understood_or_refused(text: str) -> None:
    try:
        rules = BodyRules.parse(text)
    except ValueError:
        return
    assert all(part and part == part.strip().lower() for part, _ in rules.exceptions)
