"""Several inputs that carry the same programme: who takes over goes on with the very next frame."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from distreamer.core.live_standby import PAUSE_SECONDS
from distreamer.model.audio import Title
from distreamer.model.fragment import TitleMark
from tests.support.made_audio import MP3_FRAME_BYTES
from tests.support.switched_inputs import FRAGMENT_FRAMES, Relay, Source, SwitchedInputs
from tests.support.virtual_time import virtual_time

HOUR = 3600
SECOND = FRAGMENT_FRAMES
DIFFERENCES = [-21 * SECOND, -7 * SECOND - 5, -1, 0, 1, 17, 9 * SECOND + 20, 25 * SECOND]
"""By how many frames the second relay is ahead of the first."""
SAID = "backup carries the same programme: nothing is lost or comes twice"


def assert_unbroken(inputs: SwitchedInputs, seconds: float) -> None:
    """The programme went on for about ``seconds`` without a frame too many or too few, and without a seam."""
    found = inputs.frames()
    steps = [(before, after) for before, after in pairwise(found) if after != before + 1]
    assert steps == []
    assert len(found) >= seconds * SECOND
    assert inputs.cuts() == []
    assert len(inputs.store.epochs) == 1


@pytest.mark.parametrize("ahead", DIFFERENCES)
def test_where_listeners_are_played_to_the_switch_and_the_return_are_not_heard(ahead: int) -> None:
    @virtual_time(HOUR)
    async def scenario() -> None:
        # It cannot return before it holds what the other one brings last.
        main = Relay("main", ahead=30 * SECOND, return_seconds=25)
        backup = Relay("backup", ahead=30 * SECOND + ahead)
        async with SwitchedInputs([main, backup], playing=True) as inputs:
            await asyncio.sleep(60.5)
            main.works = False
            await asyncio.sleep(60)
            assert inputs.on_air == "backup"
            assert inputs.said.calls[-1].kwargs["event"] == SAID
            main.works = True
            await asyncio.sleep(90)
            assert inputs.on_air == "main"
            assert (inputs.switch.switches, inputs.switch.continuations) == (2, 2)
            assert inputs.head.status().dry_times == 0
            assert_unbroken(inputs, 200)

    scenario()


@virtual_time(HOUR)
async def test_with_a_small_buffer_who_is_a_little_behind_is_waited_for_to_the_very_last_moment() -> None:
    main, backup = Relay("main", ahead=30 * SECOND), Relay("backup", ahead=26 * SECOND)
    async with SwitchedInputs([main, backup], playing=True, delay=6) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(60)
        assert (inputs.on_air, inputs.switch.continuations) == ("backup", 1)
        assert inputs.head.status().dry_times == 0
        assert_unbroken(inputs, 110)


@pytest.mark.parametrize("ahead", [-PAUSE_SECONDS * SECOND - SECOND, *DIFFERENCES[1:-1]])
def test_where_nothing_is_played_it_is_the_same_within_the_silence_that_is_allowed(ahead: float) -> None:
    @virtual_time(HOUR)
    async def scenario() -> None:
        main, backup = Relay("main", ahead=30 * SECOND), Relay("backup", ahead=30 * SECOND + round(ahead))
        async with SwitchedInputs([main, backup]) as inputs:
            for _ in range(3):
                await asyncio.sleep(30.5)
                main.works = False
                await asyncio.sleep(30)
                assert inputs.on_air == "backup"
                main.works = True
                await asyncio.sleep(30)
                assert inputs.on_air == "main"
            assert inputs.switch.continuations == 6
            assert_unbroken(inputs, 240)

    scenario()


@virtual_time(HOUR)
async def test_who_is_further_behind_than_can_be_waited_for_repeats_rather_than_be_silent() -> None:
    main, backup = Relay("main", ahead=30 * SECOND), Relay("backup")
    async with SwitchedInputs([main, backup]) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(PAUSE_SECONDS + 1)
        assert (inputs.on_air, inputs.switch.continuations) == ("backup", 0)
        assert len(inputs.cuts()) == 1
        await asyncio.sleep(30)
        assert abs(inputs.balance()) <= 1.5


@virtual_time(HOUR)
@pytest.mark.parametrize("playing", [False, True])
async def test_who_falls_silent_while_it_is_waited_for_is_not_waited_for(playing: bool) -> None:
    main, backup = Relay("main", ahead=30 * SECOND), Relay("backup", ahead=20 * SECOND)
    file = Source("file", on_demand=True)
    async with SwitchedInputs([main, backup, file], playing=playing) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(6 if playing else PAUSE_SECONDS - 0.2)
        backup.works = False
        await asyncio.sleep(60)
        assert inputs.on_air == "file"
        assert inputs.head.status().dry_times == 0


@virtual_time(HOUR)
@pytest.mark.parametrize("playing", [False, True])
async def test_who_dies_while_it_is_waited_for_repeats_nothing(playing: bool) -> None:
    main, backup = Relay("main", ahead=30 * SECOND), Relay("backup", ahead=21 * SECOND + 19)
    async with SwitchedInputs([main, backup], playing=playing, after=6.0) as inputs:
        await asyncio.sleep(60.5)
        main.works = False
        await asyncio.sleep(7)
        assert inputs.on_air == "backup"
        backup.works = False
        await asyncio.sleep(60)
        assert_unbroken(inputs, 60)


@virtual_time(HOUR)
async def test_a_file_makes_up_for_what_was_waited() -> None:
    main, backup = Relay("main", ahead=30 * SECOND), Relay("backup", ahead=21 * SECOND)
    file = Source("file", on_demand=True)
    async with SwitchedInputs([main, backup, file]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(30)
        assert (inputs.on_air, inputs.switch.continuations) == ("backup", 1)
        assert -10 <= inputs.balance() <= -8
        backup.works = False
        await asyncio.sleep(30)
        assert inputs.on_air == "file"
        assert -1 <= inputs.balance() <= 1.5


@virtual_time(HOUR)
async def test_behind_a_hole_of_its_own_it_is_recognised_again() -> None:
    """The backup missed some seconds a while before it is needed; the main input, at its return, those meanwhile."""
    main, backup = Relay("main"), Relay("backup", ahead=11)
    async with SwitchedInputs([main, backup]) as inputs:
        await asyncio.sleep(20.5)
        backup.works = False
        await asyncio.sleep(5)
        backup.works = True
        await asyncio.sleep(30)
        main.works = False
        await asyncio.sleep(30)
        main.works = True
        await asyncio.sleep(30)
        assert inputs.switch.continuations == 2
        assert_unbroken(inputs, 110)


@virtual_time(HOUR)
async def test_who_lacks_the_very_next_frame_begins_behind_a_cut() -> None:
    main, backup = Relay("main", ahead=5), Relay("backup")
    async with SwitchedInputs([main, backup]) as inputs:
        await asyncio.sleep(20.5)
        main.works = backup.works = False
        await asyncio.sleep(3)
        backup.works = True
        await asyncio.sleep(30)
        assert (inputs.on_air, inputs.switch.continuations) == ("backup", 0)
        assert len(inputs.cuts()) == 1
        found = inputs.frames()
        assert found == sorted(set(found))


@virtual_time(HOUR)
async def test_other_programmes_of_the_same_format_are_not_mixed_up() -> None:
    main, other = Relay("main"), Relay("other", ahead=1_000_000)
    async with SwitchedInputs([main, other]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(30)
        assert (inputs.on_air, inputs.switch.continuations) == ("other", 0)
        assert len(inputs.cuts()) == 1


@virtual_time(HOUR)
async def test_behind_a_file_nothing_goes_on_with_the_next_frame() -> None:
    main, file = Relay("main"), Source("file", on_demand=True)
    async with SwitchedInputs([main, file]) as inputs:
        await asyncio.sleep(30.5)
        main.works = False
        await asyncio.sleep(30)
        main.works = True
        await asyncio.sleep(30)
        assert (inputs.on_air, inputs.switch.continuations) == ("main", 0)
        assert len(inputs.cuts()) == 2


# -- titles


class TitledRelay(Relay):
    """A relay whose titles begin at frames of the station, as it tells them."""

    def __init__(self, name: str, titles: dict[int, str], ahead: int = 0) -> None:
        super().__init__(name, ahead=ahead, has_titles=False)
        self._titles = titles

    def bring(self, number: int | None = None) -> None:
        first = self.place + self.ahead
        super().bring(number)
        fragment = self.store.newest()
        assert fragment is not None
        before = [text for place, text in self._titles.items() if place <= first]
        marks = tuple(
            TitleMark((place - first) * MP3_FRAME_BYTES, Title(text))
            for place, text in self._titles.items()
            if first < place < first + FRAGMENT_FRAMES
        )
        titled = replace(fragment, title=Title(before[-1]) if before else None, title_marks=marks)
        self.store.epochs[-1].fragments[fragment.number] = titled


def told(inputs: SwitchedInputs) -> list[tuple[int, str]]:
    """Each title with the frame of the station with which it begins."""
    found: list[tuple[int, str]] = []
    frame = inputs.frames()[0]
    for fragment in inputs.store:
        begun = [(0, fragment.title)] if fragment.title else []
        for offset, title in [*begun, *((mark.offset, mark.title) for mark in fragment.title_marks)]:
            if not found or found[-1][1] != title.text:
                found.append((frame + offset // MP3_FRAME_BYTES, title.text))
        frame += len(fragment.audio) // MP3_FRAME_BYTES
    return found


async def titles_over_a_switch(main: dict[int, str], backup: dict[int, str], ahead: int = 7) -> list[tuple[int, str]]:
    """Main brings frames up to 30 × 38; then the backup goes on."""
    first, second = TitledRelay("main", main), TitledRelay("backup", backup, ahead)
    async with SwitchedInputs([first, second]) as inputs:
        await asyncio.sleep(30.5)
        first.works = False
        await asyncio.sleep(40)
        assert inputs.switch.continuations == 1
        assert_unbroken(inputs, 60)
        return told(inputs)


@virtual_time(HOUR)
async def test_titles_of_both_make_one_row() -> None:
    both = {0: "A", 300: "B", 1135: "C", 1141: "D", 2000: "E"}
    assert await titles_over_a_switch(both, both) == list(both.items())


@virtual_time(HOUR)
async def test_who_says_titles_later_brings_no_old_one_back() -> None:
    early, late = {0: "A", 1100: "B", 2000: "C"}, {0: "A", 1160: "B", 2060: "C"}
    assert await titles_over_a_switch(early, late) == [(0, "A"), (1100, "B"), (2060, "C")]


@virtual_time(HOUR)
async def test_who_says_titles_earlier_has_it_from_the_first_frame_on() -> None:
    late, early = {0: "A", 1160: "B"}, {0: "A", 1100: "B", 2000: "A"}
    assert await titles_over_a_switch(late, early) == [(0, "A"), (1140, "B"), (2000, "A")]


@virtual_time(HOUR)
async def test_who_says_no_titles_does_not_keep_the_last_for_ever() -> None:
    assert await titles_over_a_switch({0: "A"}, {}) == [(0, "A"), (1140, "")]
