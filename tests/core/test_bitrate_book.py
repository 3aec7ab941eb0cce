"""What bitrate a stream really has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distreamer.core.bitrate_book import BitrateBook
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import AudioFormat, Frame
from distreamer.model.fragment import Fragment
from tests.support.audio_samples import encoded
from tests.support.framing import framed
from tests.support.made_audio import AAC, MP3, fragment


def frames_of(codec: str, **wanted: object) -> list[Frame]:
    return framed(AutoFramer(), [encoded(codec, seconds=3.0, **wanted)])


def fragments(frames: list[Frame], count: int, per_fragment: int = 38) -> list[Fragment]:
    """Of the frames, again and again."""
    found = []
    for number in range(1, count + 1):
        some = [frames[(number * per_fragment + place) % len(frames)] for place in range(per_fragment)]
        duration = sum(frame.duration for frame in some)
        found.append(Fragment(1, number, (number - 1) * duration, duration, b"".join(one.data for one in some), 0.0))
    return found


def constant(form: AudioFormat, shown: list[Fragment]) -> int | None:
    book = BitrateBook()
    for one in shown:
        book.note(one, form)
    return book.constant_bitrate


@pytest.mark.parametrize("bitrate", [64_000, 128_000, 320_000])
def test_mpeg_of_a_constant_bitrate_has_that(bitrate: int) -> None:
    frames = frames_of("libmp3lame", bitrate=bitrate)
    shown = fragments(frames, 40)
    assert constant(frames[0].format, shown[:29]) is None
    assert constant(frames[0].format, shown) == pytest.approx(bitrate, rel=0.01)


def test_mpeg_of_a_varying_bitrate_has_none() -> None:
    frames = frames_of("libmp3lame", bitrate=128_000) + frames_of("libmp3lame", bitrate=160_000)
    assert constant(frames[0].format, fragments(frames, 60)) is None


def aac(sizes: list[int]) -> list[Fragment]:
    return [replace(fragment(number), audio=bytes(size)) for number, size in enumerate(sizes, 1)]


def test_aac_may_save_for_the_next_frames_and_is_constant_all_the_same() -> None:
    assert constant(AAC, aac([8_000, 7_400, 8_600] * 12)) == pytest.approx(64_000, rel=0.01)
    assert constant(AAC, aac([8_000] * 20 + [5_000] * 16)) is None
    assert constant(AAC, aac([5_000] * 20 + [8_000] * 31)) == 64_000


def test_another_epoch_begins_anew_and_nothing_counts_twice() -> None:
    book = BitrateBook()
    shown = [fragment(number) for number in range(1, 41)]
    for one in shown[:20]:
        for _ in range(5):
            book.note(one, MP3)
    assert book.constant_bitrate is None
    for one in shown:
        book.note(one, MP3)
    assert book.constant_bitrate == 8 * 38 * 417
    book.note(replace(shown[0], epoch=2), MP3)
    assert book.constant_bitrate is None


def test_of_ogg_and_what_is_not_known_nobody_says_anything() -> None:
    ogg = frames_of("libopus", sample_rate=48000)
    assert constant(ogg[0].format, fragments(ogg, 60, 10)) is None
