"""A watch that is shown made-up snapshots, mostly one for each second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from distreamer.model.audio import Station, StreamInfo, Title
from distreamer.model.event import Event
from distreamer.model.status import (
    AlertStatus,
    InstanceStatus,
    LevelMethod,
    LevelStatus,
    LinkStatus,
    ListenersStatus,
    ModuleState,
    ModuleStatus,
    PlayoutState,
    PlayoutStatus,
    SpoolStatus,
    StoreStatus,
)
from distreamer.runtime.watch import Watch
from tests.support.made_audio import MP3

WALL = 1_700_000_100.0
"""The begin of a slot."""
LINK = LinkStatus("studio.example:7080", connected=True, carrier="quic")
INPUT = ModuleStatus("input", "DiStreamerClient", ModuleState.RUNNING, 600.0, links=(LINK,))
PLAYERS = ModuleStatus("output", "ShoutcastServer", ModuleState.RUNNING, 600.0, listeners=ListenersStatus(connected=3))
STORE = StoreStatus(StreamInfo(MP3, Station("Radio")), 1, 1, 300, 300.0, 4_800_000, 0.4, 1.0)
PLAYOUT = PlayoutStatus(PlayoutState.PLAYING, delay_seconds=25.0, budget_seconds=24.5)
LEVELS = LevelStatus(LevelMethod.DECODED, -20.5, -21.5, -8.0, silent_seconds=0.0)
TRANSMITTER = InstanceStatus("transmitter", WALL, 0.0, (INPUT,), (PLAYERS,), STORE, PLAYOUT)


@dataclass
class Watching:
    """Shows snapshots, and notes what was told at which second."""

    status: InstanceStatus = TRANSMITTER
    budget_warn_seconds: float = 10.0
    silence_seconds: float = 20.0
    watch: Watch = field(default_factory=Watch)
    now: float = 0.0
    step_seconds: float = 1.0
    """Between two looks."""
    told: list[tuple[float, Event]] = field(default_factory=list)
    each_second: Callable[[InstanceStatus], InstanceStatus] = lambda status: status

    def show(self, seconds: int = 1, **changes: object) -> list[str]:
        """For so many seconds, from now on with these ``changes``; gives the kinds of events that were told."""
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]
        begin = len(self.told)
        for _ in range(round(seconds / self.step_seconds)):
            self.status = self.each_second(replace(self.status, at=WALL + self.now, uptime_seconds=self.now))
            found = self.watch.look(self.status, self.budget_warn_seconds, self.silence_seconds)
            self.told += [(self.now, event) for event in found]
            self.now += self.step_seconds
        return [event.kind for _, event in self.told[begin:]]

    @property
    def last(self) -> Event:
        return self.told[-1][1]

    def complete(self) -> InstanceStatus:
        return self.watch.complete(self.status)


def full_status() -> InstanceStatus:
    """One in which nothing is missing."""
    link = replace(LINK, rtt_seconds=0.04, peer_budget_seconds=20.0, cuts=2, fragments=7, duplicates=1)
    watching = Watching(
        replace(
            TRANSMITTER,
            inputs=(
                replace(INPUT, links=(link,), restarts=3, wrong_passwords=2),
                replace(INPUT, name="input b", on_air=False, links=()),
            ),
            outputs=(
                replace(
                    PLAYERS,
                    listeners=ListenersStatus(connected=3, unique=2, served=9, refused_full=1, refused_password=4),
                ),
            ),
            playout=replace(PLAYOUT, behind_seconds=31.0, title=Title("Song"), title_heard_since=1_700_000_000.0),
            store=replace(STORE, added=300, added_seconds=300.0, added_size=4_800_000),
            spool=SpoolStatus("/spool", works=True, size=4_900_000, written=299, unwritten=1),
            levels=replace(LEVELS, silent_seconds=12.5, skipped=3),
            alerts=(
                AlertStatus("alert", "Mail", "mail to a@example.org", ModuleState.RUNNING, delivered=5, held_back=6),
                AlertStatus(
                    "alert b",
                    "Command",
                    "command sms",
                    ModuleState.RETRYING,
                    waiting=4,
                    failed=2,
                    dropped=3,
                    last_error="sms ended with exit code 1",
                ),
            ),
        )
    )
    watching.show(20)
    watching.show(10, playout=replace(watching.status.playout or PLAYOUT, state=PlayoutState.DRY, is_filling=True))
    return watching.complete()
