"""The built-in programme: how it is made, what it sounds like in numbers, and how it repeats."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import av
import numpy as np
import pytest

from distreamer.demo import synthesiser
from distreamer.demo.programme import make_programme, programme_of
from distreamer.demo.score import BEATS_PER_BAR, PIECES, Piece, Voice, notes
from distreamer.errors import AudioError, ResourceError
from distreamer.media.mpeg import MpegFramer
from tests.support.made_audio import mp3_frame

SHORT = replace(PIECES[0], name="Short", form="r")
"""Five bars, which need little work."""


def made(piece: Piece) -> Iterator[bytes]:
    """Ten frames that tell which piece they belong to."""
    start = 100 * PIECES.index(piece)
    return (mp3_frame(number) for number in range(start, start + 10))


async def test_the_rest_is_made_while_the_beginning_plays() -> None:
    may_go_on = threading.Event()

    def maker(piece: Piece) -> Iterator[bytes]:
        for index, frame in enumerate(made(piece)):
            if piece is PIECES[1] and index == 5:
                assert may_go_on.wait(60)
            yield frame

    programme = await make_programme(14 * 1152 / 44100, PIECES[:2], maker)
    assert not programme.complete
    assert programme.has(13)
    assert not programme.has(15)
    assert programme.frame(12) == mp3_frame(102)
    assert [title.text for _, title in programme.songs] == [PIECES[0].title, PIECES[1].title]
    may_go_on.set()
    for _ in range(60_000):
        if programme.complete:
            break
        await asyncio.sleep(0.001)
    assert len(programme.frames) == 20
    assert programme.seconds == pytest.approx(20 * 1152 / 44100)


def test_a_complete_programme_repeats_for_ever() -> None:
    programme = programme_of([("One", [mp3_frame(0), mp3_frame(1)]), ("Two", [mp3_frame(2)])])
    assert [programme.frame(position) for position in range(5)] == [mp3_frame(number) for number in (0, 1, 2, 0, 1)]
    assert [programme.title(position).text for position in range(5)] == ["One", "One", "Two", "One", "One"]
    assert programme.has(1_000_000)


async def test_a_programme_that_is_shorter_than_asked_for_is_complete() -> None:
    programme = await make_programme(1000, PIECES[:1], made)
    assert programme.complete
    assert len(programme.frames) == 10


async def test_what_the_maker_raises_reaches_who_waits() -> None:
    def broken(piece: Piece) -> Iterator[bytes]:
        raise AudioError("no encoder")

    with pytest.raises(AudioError, match="no encoder"):
        await make_programme(1, PIECES[:1], broken)


async def test_a_programme_without_frames_is_an_error() -> None:
    with pytest.raises(AudioError, match="none of its pieces gave a frame"):
        await make_programme(1, PIECES[:1], lambda piece: iter(()))
    with pytest.raises(AudioError, match="one begins with 00112233"):
        await make_programme(1, PIECES[:1], lambda piece: iter([bytes.fromhex("00112233")]))


async def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.delitem(sys.modules, "distreamer.demo.synthesiser")
    monkeypatch.delattr("distreamer.demo.synthesiser")
    with pytest.raises(ResourceError, match=r'numpy is not installed.*begin it with "make demo"'):
        await make_programme(1)


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.name)
def test_each_piece_is_playable_music(piece: Piece) -> None:
    assert 40 < piece.seconds < 80
    played = list(notes(piece))
    assert played == list(notes(piece)), "a piece must be the same each time"
    assert {Voice.PAD, Voice.PLUCK, Voice.BASS, Voice.BELL} <= {note.voice for note in played}
    assert (Voice.KICK in {note.voice for note in played}) is piece.percussion
    in_key = {(piece.key + step) % 12 for step in piece.scale}
    for note in played:
        assert 0 <= note.beat < piece.bars * BEATS_PER_BAR
        assert 0 < note.loudness <= 1
        assert -1 <= note.place <= 1
        if note.voice in {Voice.PAD, Voice.PLUCK, Voice.BELL}:
            assert note.pitch % 12 in in_key
            assert 40 <= note.pitch <= 96


def test_the_pieces_differ_and_have_titles() -> None:
    assert len({piece.title for piece in PIECES}) == len(PIECES) >= 4
    assert PIECES[0].title == "DiStreamer demo – Morning on the ship"
    assert 180 < sum(piece.seconds for piece in PIECES) < 600


@pytest.fixture(scope="module")
def sound() -> synthesiser.Sound:
    return synthesiser.render(SHORT)


def test_the_sound_is_loud_enough_and_never_clips(sound: synthesiser.Sound) -> None:
    assert sound.shape == (int((SHORT.seconds + synthesiser.TAIL_SECONDS) * synthesiser.SAMPLE_RATE), 2)
    assert float(np.max(np.abs(sound))) < synthesiser.PEAK
    assert float(np.sqrt(np.mean(sound**2))) == pytest.approx(synthesiser.LOUDNESS, rel=0.1)
    assert abs(float(np.mean(sound))) < 0.001, "no direct current"
    left, right = (float(np.sqrt(np.mean(sound[:, side] ** 2))) for side in (0, 1))
    assert 0.8 < left / right < 1.25
    ends = np.concatenate([sound[:2], sound[-2:]])
    assert float(np.max(np.abs(ends))) < 0.01, "pieces must join without a click"


def test_its_frames_are_all_different_and_a_decoder_takes_them(sound: synthesiser.Sound) -> None:
    frames = list(synthesiser.encode(sound))
    assert len(set(frames)) == len(frames)
    stream = b"".join(frames)
    framer = MpegFramer()
    found = [*framer.feed(stream), *framer.close()]
    assert [one.data for one in found] == frames
    audio = found[0].format
    assert (audio.sample_rate, audio.channels, audio.bitrate) == (44100, 2, 128_000)
    # Begun in the middle: no frame needs the one before it.
    with av.open(io.BytesIO(b"".join(frames[200:300])), "r", format="mp3") as opened:
        assert sum(int(frame.samples) for frame in opened.decode(opened.streams.audio[0])) >= 99 * 1152
