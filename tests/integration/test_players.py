"""Real players listen to a ShoutcastServer in this process."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from distreamer.core.played import Played
from distreamer.core.rendition import Rendition
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.protocol.icy import Audio, IcyDemuxer
from distreamer.protocol.listener_http import METADATA_INTERVAL
from tests.support.certificates import make_certificate
from tests.support.programs import run
from tests.support.shoutcast_server import serving, serving_to
from tests.support.tone_programme import tone_programme

pytestmark = pytest.mark.integration

SECONDS = 8.0
CODECS = ("libmp3lame", "aac", "libopus", "vorbis")
COMPLAINTS = re.compile(r"invalid|error|corrupt|missing|resync|warning", re.IGNORECASE)


def programme(codec: str) -> tuple[StreamInfo, tuple[Fragment, ...]]:
    """Eight seconds of a tone, with a title that changes in the middle."""
    return tone_programme(codec, SECONDS, (0.0, "The first – Ärger"), (0.5, "The second"))


def seconds_in(wav: Path, channels: int) -> float:
    """How long the decoded audio is."""
    return (wav.stat().st_size - 44) / (channels * 2 * 48_000)


def faults(messages: str) -> list[str]:
    """Lines in which a player complains, but for ffmpeg's opinion that no live stream may ever end."""
    ends = re.compile(r"Stream ends prematurely at \d+, should be 18446744073709551615|/live: Input/output error")
    return [line for line in messages.splitlines() if COMPLAINTS.search(line) and not ends.search(line)]


@pytest.mark.parametrize("icy", [False, True], ids=["clean", "with titles"])
async def test_ffmpeg_plays_every_codec_without_a_complaint(icy: bool, tmp_path: Path) -> None:
    await asyncio.gather(*(_ffmpeg_plays(codec, icy, tmp_path / f"{codec}.wav") for codec in CODECS))


async def _ffmpeg_plays(codec: str, icy: bool, target: Path) -> None:
    info, fragments = programme(codec)
    # It joins in the middle of the metadata grid, hears the last seconds, and is closed by TIMEOUT.
    async with serving_to(1, info, fragments, delay=4.0, played=3, timeout=1.5, burstseconds=1) as (_, port):
        code, messages, _ = await run(
            "ffmpeg", "-hide_banner", "-v", "warning", "-icy", str(int(icy)),
            "-i", f"http://127.0.0.1:{port}/live", "-y", str(target),
        )  # fmt: skip
    assert (code, faults(messages)) == (0, []), f"{codec}: {messages}"
    heard = seconds_in(target, info.format.channels)
    assert 3.5 < heard < 5.5, f"{codec}: ffmpeg decoded {heard} s"


@pytest.mark.parametrize("titles", [False, True], ids=["clean", "with titles"])
async def test_mpg123_plays_it_with_its_titles(titles: bool, tmp_path: Path) -> None:
    info, fragments = programme("libmp3lame")
    target = tmp_path / "heard.wav"
    options = [] if titles else ["--no-icy-meta"]
    async with serving_to(1, info, fragments, delay=5.5, played=2, timeout=1.5, burstseconds=1) as (_, port):
        code, messages, _ = await run("mpg123", *options, "-v", "-w", str(target), f"http://127.0.0.1:{port}/")
    assert (code, faults(messages)) == (0, []), messages
    assert 5.0 < seconds_in(target, 2) < 7.5
    found = re.findall(r"StreamTitle='(.*?)';", messages)
    assert list(dict.fromkeys(found)) == (["The first – Ärger", "The second"] if titles else [])


@pytest.mark.parametrize("codec", ["libmp3lame", "aac"])
async def test_decoders_skip_the_tag_behind_which_a_slow_listener_goes_on(codec: str, tmp_path: Path) -> None:
    info, fragments = programme(codec)
    rendition = Rendition(info)
    cursor = rendition.enter(0, icy=True)
    data = b""
    for number in (1, 2, *range(100, 150), 3, 4):
        one = fragments[number % len(fragments)]
        rendition.add(Played(one, info, 0.0, discontinuity=False))
        if number not in range(100, 150):
            data += rendition.take(cursor, 1 << 30) or b""
    assert cursor.moved_forward == 1
    demuxer = IcyDemuxer(METADATA_INTERVAL)
    audio = b"".join(event.data for event in demuxer.feed(data) if isinstance(event, Audio))
    assert audio.count(b"ID3\x04") == 1
    sent = tmp_path / "sent"
    sent.write_bytes(audio)
    heard = tmp_path / "heard.wav"
    code, messages, _ = await run("ffmpeg", "-v", "warning", "-i", str(sent), "-y", str(heard))
    assert code == 0, messages
    # Two fragments before the jump, the last nine when it jumped, one behind; give or take a frame at the jump.
    assert seconds_in(heard, 2) == pytest.approx(12, abs=0.2)
    if codec == "libmp3lame":
        code, messages, _ = await run("mpg123", "-v", "-t", str(sent))
        assert (code, faults(messages)) == (0, []), messages


async def test_curl_without_the_wish_gets_clean_audio() -> None:
    info, fragments = programme("libmp3lame")
    async with serving_to(1, info, fragments, delay=3.0, timeout=1.5, burstseconds=6) as (_, port):
        code, messages, output = await run("curl", "-sS", "-i", f"http://127.0.0.1:{port}/;")
    assert code == 0, messages
    head, _, body = output.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK")
    assert b"\r\nicy-metaint" not in head.lower()
    assert b"".join(one.audio for one in fragments).endswith(body)
    assert len(body) > 2.5 * 16_000


async def test_curl_head_and_options() -> None:
    info, fragments = programme("libmp3lame")
    async with serving(info, fragments) as (_, port):
        url = f"http://127.0.0.1:{port}/"
        code, messages, output = await run("curl", "-sS", "-I", "-H", "Icy-MetaData: 1", url)
        assert code == 0, messages
        assert b"icy-metaint: 16000" in output
        code, messages, output = await run("curl", "-sS", "-i", "-X", "OPTIONS", url)
        assert code == 0, messages
        assert output.startswith(b"HTTP/1.0 204 ")


async def test_ffmpeg_and_curl_play_over_tls(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    info, fragments = programme("libmp3lame")
    keys = {"certfile": str(made.certificate), "keyfile": str(made.key)}
    rules = {"timeout": 1.5, "burstseconds": 1}
    async with serving_to(2, info, fragments, delay=4.0, played=3, **rules, **keys) as (_, port):
        url, heard, played = f"https://localhost:{port}/live", tmp_path / "ffmpeg.wav", tmp_path / "mpg123.wav"
        results = await asyncio.gather(
            run("ffmpeg", "-hide_banner", "-v", "warning", "-ca_file", str(made.certificate), "-tls_verify", "1",
                "-i", url, "-y", str(heard)),
            run("sh", "-c", f"curl -sS --cacert {made.certificate} {url} | mpg123 -v -w {played} -"),
        )  # fmt: skip
    for code, messages, _ in results:
        assert (code, faults(messages)) == (0, []), messages
    for wav in (heard, played):
        assert 3.5 < seconds_in(wav, info.format.channels) < 5.5


@pytest.mark.parametrize("path", ["/", "/;", "/;stream.mp3", "/stream", "/stream.mp3", "/listen"])
async def test_shoutcast_s_addresses_play(path: str) -> None:
    info, fragments = programme("libmp3lame")
    async with serving(info, fragments, delay=3.0, timeout=0, burstseconds=6) as (_, port):
        url = f"http://127.0.0.1:{port}{path}"
        players = (
            ("ffmpeg", "-v", "error", "-i", url, "-t", "2", "-f", "null", "-"),
            ("mpg123", "-q", "-t", "-n", "76", url),
        )
        for command in players:
            code, messages, _ = await run(*command)
            assert (code, faults(messages)) == (0, []), messages


async def test_shoutcast_s_playlist_plays() -> None:
    info, fragments = programme("libmp3lame")
    async with serving(info, fragments, delay=3.0, timeout=0, burstseconds=6) as (_, port):
        url = f"http://127.0.0.1:{port}/listen.pls?sid=1"
        code, messages, _ = await run("mpg123", "-t", "-n", "76", "-@", url)
    assert (code, faults(messages)) == (0, []), messages
    assert "stream.mp3" in messages


async def test_curl_reads_the_body_in_chunks() -> None:
    info, fragments = programme("libmp3lame")
    async with serving_to(1, info, fragments, delay=3.0, timeout=1.5, burstseconds=6, body="chunked") as (_, port):
        code, _, output = await run("curl", "-sS", "-i", f"http://127.0.0.1:{port}/;")
    assert code == 0, "curl misses the last chunk"
    head, _, body = output.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"".join(one.audio for one in fragments).endswith(body)
    assert len(body) > 2.5 * 16_000
