"""What real players need of a server: each test is a need, its docstring names the players that have it.

Some needs can be seen only where players connect: who counts as a listener, bodies in chunks and limits are tested
in ``outputs/test_shoutcast_server_audience.py``, slow players and bursts in ``test_shoutcast_server_listeners.py``;
``integration/test_players.py``, ``test_player_page.py`` and ``test_behind_proxy.py`` have the real programs.
``docs/listeners.md`` is the table of it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from distreamer.core.fragmenter import Fragmenter
from distreamer.core.played import Played
from distreamer.core.rendition import Rendition
from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import BEGINS, CONTINUED
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.protocol.icy import encode_metadata
from distreamer.protocol.listener_http import METADATA_INTERVAL, StreamBegins
from distreamer.protocol.player_habits import BodyRules, Framing
from distreamer.protocol.server_view import ServerView
from tests.support.audio_samples import encoded
from tests.support.made_audio import AAC, INFO, fragment
from tests.support.ogg_samples import split_pages
from tests.support.player_requests import CHROME, FIREFOX, FIREFOX_AUDIO, HTML, SAFARI, asked, plays, told

VIEW = ServerView(
    info=replace(INFO, station=Station("Radio", "All of it", "talk", "http://radio.example/", public=True))
)
OGG = StreamInfo(AudioFormat(Codec.VORBIS, 44100, 44100, 2, content_type="application/ogg"))
EVERYBODY = (
    "curl/8.5.0",
    "VLC/3.0.21 LibVLC/3.0.21",
    "Lavf/60.16",
    "mpv 0.37",
    CHROME,
    FIREFOX,
    SAFARI,
    "Go-http-client/1.1",
)


# -- status line and body


@pytest.mark.parametrize("agent", EVERYBODY)
def test_the_status_line_is_http(agent: str) -> None:
    """Go, okhttp, Chrome, curl from 7.66 on, nginx and Arduino refuse ``ICY 200 OK`` (curl PR#191, JRpersonal/streborn
    PR#458, espressif/arduino-esp32#4454, MPD#2298)."""
    for titles in ("Icy-MetaData: 1", "Icy-MetaData: 0"):
        answered = asked(VIEW, "/;", f"User-Agent: {agent}", titles)
        assert isinstance(answered, StreamBegins)
        assert answered.head.startswith(b"HTTP/1.0 200 OK\r\n")


@pytest.mark.parametrize(
    "agent", ["shoutcastsource", "Windows-Media-Player/12.0.19041", "RealMedia Player", "BlackBerry9000/4.6"]
)
def test_the_status_line_is_icy_for_those_who_know_nothing_else(agent: str) -> None:
    """MPC, Windows Media Player, RealPlayer and BlackBerry (Icecast-KH, ``apply_client_tweaks``)."""
    answered = asked(VIEW, "/;", f"User-Agent: {agent}")
    assert isinstance(answered, StreamBegins)
    assert answered.head.startswith(b"ICY 200 OK\r\nContent-Type: audio/mpeg\r\n")


@pytest.mark.parametrize("agent", EVERYBODY)
def test_the_body_ends_with_the_connection(agent: str) -> None:
    """Old AVRs break at chunks (dheijl/swyh-rs#20), Sonos at ``identity`` (TooTallNate/NodeFloyd#2)."""
    for version in ("1.0", "1.1"):
        head, _ = told(asked(VIEW, "/;", f"User-Agent: {agent}", version=version))
        assert head.headers.get("connection") == "close"
        assert "transfer-encoding" not in head.headers
        assert "content-length" not in head.headers


def test_the_body_is_framed_for_those_who_need_it() -> None:
    """Sonos S1 wants chunks, some AVRs a length (Music Assistant keeps such a profile for each of its players)."""
    view = replace(VIEW, body=BodyRules.parse("none, Sonos: chunked, AVR: length"))
    answered = asked(view, "/;", "User-Agent: Sonos/57")
    assert isinstance(answered, StreamBegins)
    head, _ = told(answered)
    assert answered.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (answered.framing, head.headers.get("transfer-encoding")) == (Framing.CHUNKED, "chunked")
    head, _ = told(asked(view, "/;", "User-Agent: AVR", version="1.0"))
    assert int(head.headers.get("content-length")) == 2**31 - 1
    peeked, _ = told(asked(view, "/;", "User-Agent: Sonos/57", method="HEAD"))
    assert peeked.headers.get("transfer-encoding") == "chunked"


def test_chunks_never_go_with_titles() -> None:
    """Players count the bytes between titles; Icecast-KH's relays broke on both at once (release kh20)."""
    view = replace(VIEW, body=BodyRules.parse("chunked"))
    head, _ = told(asked(view, "/;", "Icy-MetaData: 1"))
    assert head.headers.get("icy-metaint") == str(METADATA_INTERVAL)
    assert "transfer-encoding" not in head.headers


# -- titles


@pytest.mark.parametrize("agent", EVERYBODY)
def test_who_does_not_ask_for_titles_gets_none(agent: str) -> None:
    """Browsers, and every player that would play them as noise."""
    answered = asked(VIEW, "/;", f"User-Agent: {agent}")
    assert isinstance(answered, StreamBegins)
    assert not answered.icy
    assert "icy-metaint" not in told(answered)[0].headers


def rendered(fragments: Sequence[Fragment], info: StreamInfo, *, icy: bool, joins_at: int) -> bytes:
    """What a player gets that joins when ``joins_at`` fragments were played, with a burst of two fragments."""
    rendition, data = Rendition(info), b""
    for one in fragments[:joins_at]:
        rendition.add(Played(one, info, 0.0, discontinuity=False))
    cursor = rendition.enter(2.5, icy=icy)
    for one in fragments[joins_at:]:
        data += rendition.take(cursor, 1 << 30) or b""
        rendition.add(Played(one, info, 0.0, discontinuity=False))
    return data + (rendition.take(cursor, 1 << 30) or b"")


def titled(number: int) -> Fragment:
    """Its title changes in its middle."""
    one = fragment(number)
    mark = TitleMark(len(one.audio) // 2, Title(f"{number} b"))
    return replace(one, title=Title(f"{number} a"), title_marks=(mark,))


@pytest.mark.parametrize("joins_at", range(1, 8))
def test_titles_come_after_every_16000_bytes_from_the_first_on(joins_at: int) -> None:
    """All players with titles count from the first byte of the body, burst included; the first block has the title."""
    data = rendered([titled(number) for number in range(1, 30)], INFO, icy=True, joins_at=joins_at)
    place, titles = METADATA_INTERVAL, []
    while place < len(data):
        size = 16 * data[place]
        titles.append(data[place + 1 : place + 1 + size].rstrip(b"\0"))
        place += 1 + size + METADATA_INTERVAL
    assert titles[0].startswith(b"StreamTitle='")
    assert len(titles) > 20
    assert all(title.startswith(b"StreamTitle='") and title.endswith(b"';") for title in titles if title)


def test_a_title_cannot_break_its_block() -> None:
    """The simplest players take the first quote and semicolon for its end, and a line break for a new field."""
    block = encode_metadata(Title("it's';StreamUrl='evil\r\nIcy-X: 1", "http://x/'; y"))
    payload = block[1:].rstrip(b"\0").decode()
    assert payload.count("';") == 2
    assert payload.startswith("StreamTitle='it's’;StreamUrl='evil  Icy-X: 1';StreamUrl='")
    assert "\n" not in payload


def test_a_long_title_is_cut_at_a_character() -> None:
    """The length is a byte that counts sixteens: 4080 bytes at most, and half a character is no UTF-8."""
    for letter in ("é", "✓", "🎵"):
        block = encode_metadata(Title(letter * 5000))
        assert len(block) == 1 + 16 * block[0] <= 1 + 4080
        text = block[1:].rstrip(b"\0").decode("utf-8")
        assert text.removeprefix("StreamTitle='").removesuffix("';").strip(letter) == ""


def test_titles_of_ogg_stay_in_the_container() -> None:
    """No player of Ogg looks for ICY metadata, whatever it asks for."""
    answered = asked(replace(VIEW, info=OGG), "/;", "Icy-MetaData: 1")
    assert isinstance(answered, StreamBegins)
    assert not answered.icy


# -- ranges, HEAD, scripts


@pytest.mark.parametrize("wished", ["bytes=0-", "bytes=0-1", "bytes=500-", "bytes=-500", "bytes=0-1,5-6"])
def test_a_range_gets_the_stream_as_if_there_were_none(wished: str) -> None:
    """ffmpeg, mpv and VLC ask for ``0-`` always, and believe that they can seek when the answer says so. Safari looks
    at ``0-1`` first; 206 makes it come back without Icy-MetaData (icecast-kh#441) and broke iOS 11 (#172)."""
    answered = asked(VIEW, "/;", f"User-Agent: {SAFARI}", f"Range: {wished}")
    assert plays(answered)
    head, _ = told(answered)
    assert head.status == 200
    assert "accept-ranges" not in head.headers
    assert "content-range" not in head.headers


@pytest.mark.parametrize("titles", ["Icy-MetaData: 1", "Accept: */*"])
def test_head_tells_what_get_would(titles: str) -> None:
    """Players and directories look with HEAD whether there is a stream, and of which type."""
    got, peeked = asked(VIEW, "/;", titles), asked(VIEW, "/;", titles, method="HEAD")
    assert isinstance(got, StreamBegins)
    assert not plays(peeked), "it would get audio"
    assert told(peeked) == told(got)


def test_scripts_of_other_sites_may_play_and_read_the_fields() -> None:
    """Players in web pages, such as eshaz/icecast-metadata-js (#69)."""
    head, body = told(
        asked(VIEW, "/;", "Origin: https://page.example", "Access-Control-Request-Method: GET", method="OPTIONS")
    )
    assert (head.status, body) == (204, b"")
    assert head.headers.tokens("access-control-allow-methods") == ["get", "head", "options"]
    assert {"icy-metadata", "range", "origin", "accept"} <= set(head.headers.tokens("access-control-allow-headers"))
    stream, _ = told(asked(VIEW, "/;", "Origin: https://page.example"))
    assert stream.headers.get("access-control-allow-origin") == "*"
    exposed = {"icy-metaint", "icy-name", "icy-br", "icy-genre", "icy-description", "icy-url"}
    assert exposed <= set(stream.headers.tokens("access-control-expose-headers"))


# -- header fields and types


def test_the_station_describes_itself() -> None:
    """All players show it; some radios with an ESP need ``icy-br`` (Edzelf/Esp-radio#27). VLC reconnects by itself when
    the server is an Icecast or there is an ``icy-name``."""
    head, _ = told(asked(VIEW, "/;"))
    assert head.headers.get("server").startswith("Icecast 2.4")
    expected = {
        "icy-name": "Radio",
        "icy-description": "All of it",
        "icy-genre": "talk",
        "icy-url": "http://radio.example/",
        "icy-br": "128",
        "icy-pub": "1",
        "ice-audio-info": "ice-samplerate=44100;ice-bitrate=128;ice-channels=2",
    }
    assert {name: head.headers.get(name) for name in expected} == expected


def test_nothing_on_the_way_keeps_the_stream() -> None:
    """Caches, and browsers that would play what is long past."""
    head, _ = told(asked(VIEW, "/;"))
    assert head.headers.tokens("cache-control") == ["no-cache", "no-store"]
    assert head.headers.get("pragma") == "no-cache"
    assert head.headers.get("expires").endswith("1997 05:00:00 GMT")


@pytest.mark.parametrize(
    ("given_type", "told_type"),
    [
        ("audio/mpeg", "audio/mpeg"),
        ("audio/aac", "audio/aac"),
        ("audio/aacp", "audio/aac"),
        ("application/ogg", "application/ogg"),
        ("audio/ogg", "audio/ogg"),
        ("audio/flac", "audio/flac"),
    ],
)
def test_types_are_those_that_players_know(given_type: str, told_type: str) -> None:
    """Few know audio/aacp, Icecast-KH rewrites it too."""
    view = replace(VIEW, info=StreamInfo(replace(INFO.format, content_type=given_type)))
    assert told(asked(view, "/;"))[0].headers.get("content-type") == told_type


# -- addresses

FORMATS = {
    Codec.MPEG: (INFO.format, {"mp3", "mp2"}),
    Codec.AAC: (AAC, {"aac"}),
    Codec.VORBIS: (OGG.format, {"ogg", "oga"}),
    Codec.OPUS: (replace(OGG.format, codec=Codec.OPUS), {"opus", "ogg", "oga"}),
    Codec.FLAC: (replace(OGG.format, codec=Codec.FLAC), {"flac", "ogg", "oga"}),
}


@pytest.mark.parametrize("codec", list(FORMATS))
def test_the_ending_of_the_type_is_an_alias_of_the_mount(codec: Codec) -> None:
    """Sonos decides by the ending what it will get (docs.sonos.com, SoCo PR#443)."""
    audio, endings = FORMATS[codec]
    everywhere, only = (
        replace(VIEW, info=StreamInfo(audio)),
        replace(VIEW, info=StreamInfo(audio), required_path="live"),
    )
    for ending in ("mp3", "mp2", "aac", "ogg", "oga", "opus", "flac"):
        assert plays(asked(everywhere, f"/anything.{ending}"))
        assert plays(asked(only, f"/live.{ending}")) is (ending in endings)
    assert plays(asked(only, "/live"))
    assert not plays(asked(only, "/live.mp3.mp3"))
    assert not plays(asked(only, "/other.mp3"))


def test_an_alias_needs_the_key_too_and_waits_for_the_stream() -> None:
    """As Sonos does, before and after the stream is there."""
    view = replace(VIEW, required_path="live?key=1")
    assert plays(asked(view, "/live.mp3?key=1"))
    assert told(asked(view, "/live.mp3"))[0].status == 403
    waiting = replace(view, info=None)
    assert told(asked(waiting, "/live.aac?key=1"))[0].status == 404
    assert told(asked(waiting, "/other.aac?key=1"))[0].status == 403


@pytest.mark.parametrize(
    "path",
    ["/", "/;", "/;stream.mp3", "/;stream/1", "/stream", "/stream/1/", "/listen", "/live.mp3", "//", "/?icy=http"],
)
@pytest.mark.parametrize(
    "agent", ["VLC/3.0.21 LibVLC/3.0.21", "WinampMPEG/5.66", "Lavf/60.16", "NSPlayer/12.0", "iTunes/12.9"]
)
def test_shoutcast_s_addresses_play(path: str, agent: str) -> None:
    """Players add ``/;`` to what looks like a SHOUTcast server, and know DNAS's ``/stream`` and ``/listen``."""
    assert plays(asked(VIEW, path, f"User-Agent: {agent}", "Accept: */*", version="1.0"))


def test_where_one_path_is_demanded_the_others_do_not_play() -> None:
    """A station that set REQUIREURL meant it: DiStreamer 2 refused ``/`` and ``/;`` too."""
    view = replace(VIEW, required_path="live")
    for path in ("/", "/;", "/stream", "/listen"):
        assert told(asked(view, path, "User-Agent: VLC/3.0.21"))[0].status == 403


def test_shoutcast_s_playlist_leads_to_an_address_that_plays_whoever_asks() -> None:
    """Winamp opens ``/listen.pls?sid=1``; Windows opens playlists with programs that call themselves Mozilla."""
    _, body = told(asked(VIEW, "/listen.pls?sid=1"))
    assert b"File1=http://localhost/stream.mp3\r\n" in body
    assert plays(asked(VIEW, "/stream.mp3", f"User-Agent: {CHROME}", f"Accept: {HTML}"))


def test_browsers_get_a_page_at_the_root_and_play_there_when_they_play() -> None:
    """Who types the address sees the station; ``<audio src="/">`` hears it."""
    for agent in (CHROME, FIREFOX, SAFARI):
        head, body = told(asked(VIEW, "/", f"User-Agent: {agent}", f"Accept: {HTML}"))
        assert head.headers.get("content-type") == "text/html; charset=utf-8"
        assert b"<audio " in body
        for wish in ("Range: bytes=0-", "Icy-MetaData: 1", "Sec-Fetch-Dest: audio", f"Accept: {FIREFOX_AUDIO}"):
            assert plays(asked(VIEW, "/", f"User-Agent: {agent}", wish))


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/apple-touch-icon.png"])
def test_what_browsers_and_crawlers_ask_by_themselves_is_no_listener(path: str) -> None:
    """A browser that shows the stream asks for its icon; endless, it would be a second listener."""
    head, _ = told(asked(VIEW, path, f"User-Agent: {CHROME}", "Accept: image/avif,image/webp,*/*"))
    assert head.status == 404


# -- where a listener begins


def cut(data: bytes) -> tuple[StreamInfo, list[Fragment]]:
    """What an input makes of the bytes of a source."""
    framer = AutoFramer("", 128_000)
    frames = [*framer.feed(data), *framer.close()]
    fragmenter = Fragmenter(1, frames[0].format.clock_rate)
    fragments = [one for frame in frames for one in fragmenter.add(frame, 0.0)]
    return StreamInfo(frames[0].format), [*fragments, *fragmenter.cut()]


ID3V2 = b"ID3\x03\x00\x00\x00\x00\x02\x01" + b"TIT2 a title of a file ".ljust(257, b"\0")
ID3V1 = b"TAG" + b"a title of a file".ljust(125, b"\0")


@pytest.mark.parametrize("codec", ["libmp3lame", "aac"])
def test_tags_of_files_are_taken_out_of_the_stream(codec: str) -> None:
    """Browsers stop at them (Icecast-KH, release kh10); sources that play files send one with each."""
    one = encoded(codec, seconds=3.0)
    info, fragments = cut(one + ID3V1 + ID3V2 + one + ID3V1 + ID3V2 + one)
    data = rendered(fragments, info, icy=False, joins_at=1)
    assert len(data) > 2.5 * len(one)
    assert b"a title of a file" not in data
    assert b"ID3" not in data


@pytest.mark.parametrize("codec", ["libmp3lame", "aac"])
@pytest.mark.parametrize("joins_at", [1, 3, 5])
def test_each_listener_begins_at_a_frame(codec: str, joins_at: int) -> None:
    """Radios without much memory give up when the first bytes are no header. Before the first frame that MP3 decoders
    can play stand those it leans on: the burst begins a second and more before what is heard live."""
    info, fragments = cut(encoded(codec, seconds=8.0))
    data = rendered(fragments, info, icy=False, joins_at=joins_at)
    assert data == b"".join(one.audio for one in fragments[max(joins_at - 2, 0) :])
    frames = AutoFramer(info.format.content_type).feed(data)
    assert frames[0].position == 0
    assert frames[0].format.codec is info.format.codec


@pytest.mark.parametrize("codec", ["vorbis", "libopus", "flac"])
@pytest.mark.parametrize("joins_at", [1, 3, 5])
def test_each_listener_of_ogg_gets_all_header_pages_first(codec: str, joins_at: int) -> None:
    """Every decoder of Ogg needs them; the page behind must begin with a fresh packet."""
    info, fragments = cut(encoded(codec, seconds=8.0, sample_rate=48_000, bitrate=0 if codec == "flac" else 128_000))
    data = rendered(fragments, info, icy=True, joins_at=joins_at)
    setup = fragments[joins_at].setup
    assert setup.startswith(b"OggS")
    assert data.startswith(setup)
    assert data.count(setup) == 1
    flags = [page[5] for page in split_pages(data)]
    behind = len(split_pages(setup))
    assert flags[0] == BEGINS
    assert flags[behind] not in {BEGINS, CONTINUED}
