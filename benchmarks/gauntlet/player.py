"""The process that listens: several strict players, and beside PC B one who notes when fragments arrive.

    python -m benchmarks.gauntlet.player '{"host": "127.0.0.1", "port": 8080, "path": "/", "players": 3, …}'

It says twice a second where the players are. On ``{"begin": true}`` it begins to count, on ``{"end": true}`` it says
what was heard and ends.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from json import loads

from benchmarks.gauntlet.arrivals import Arrivals
from benchmarks.gauntlet.held_up import HeldUp
from benchmarks.gauntlet.judge import Score, StrictJudge
from benchmarks.gauntlet.programme import FRAME_SECONDS, known_frames, title
from benchmarks.gauntlet.wire import Message, commands, say
from distreamer.core.clock import LoopClock
from distreamer.demo.strict_listener import StrictListener

TELL_SECONDS = 0.5


class Players:
    """All that listens in one place."""

    def __init__(self, plan: Message) -> None:
        self._clock = LoopClock()
        known, began = known_frames(plan["kilobits"]), float(plan["began"])
        self._judges = [
            StrictJudge(known, plan["prebuffer_seconds"], lambda place: began + (place + 1) * FRAME_SECONDS, title)
            for _ in range(plan["players"])
        ]
        self._listeners = [
            StrictListener(plan["host"], plan["port"], judge, self._clock, plan["path"]) for judge in self._judges
        ]
        arrivals_port = plan.get("arrivals_port")
        self._arrivals = Arrivals(arrivals_port, known, self._clock) if arrivals_port else None
        self._before = [Score() for _ in self._judges]
        self._held_up = HeldUp()

    async def run(self) -> None:
        """Until it is told to end."""
        async with asyncio.TaskGroup() as group:
            jobs = [group.create_task(listener.run()) for listener in self._listeners]
            if self._arrivals is not None:
                jobs.append(group.create_task(self._arrivals.run()))
            jobs += [group.create_task(job) for job in (self._tell(), self._held_up.run())]
            async for command in commands():
                if command.get("begin"):
                    self._begin()
                if command.get("end"):
                    say(self._report())
                    break
            for job in jobs:
                job.cancel()

    async def _tell(self) -> None:
        while True:
            now = self._clock.now()
            for judge in self._judges:
                judge.heard(now)
            say({"players": [{"place": judge.place, "plays": judge.is_playing} for judge in self._judges]})
            await asyncio.sleep(TELL_SECONDS)

    def _begin(self) -> None:
        now = self._clock.now()
        self._held_up.most_seconds = 0.0
        self._before = [judge.begin(now) for judge in self._judges]

    def _report(self) -> Message:
        now = self._clock.now()
        return {
            "heard": [
                {
                    **asdict(judge.score(now).since(before)),
                    "longest_wrong_title_seconds": judge.longest_wrong_title_seconds,
                    "latency_seconds": judge.latency_seconds,
                    "place": judge.place,
                    "plays": judge.is_playing,
                }
                for judge, before in zip(self._judges, self._before, strict=True)
            ],
            "held_up_seconds": self._held_up.most_seconds,
            "arrivals": [[arrival.at, arrival.last_place] for arrival in self._arrivals.seen] if self._arrivals else [],
        }


async def main() -> None:
    await Players(loads(sys.argv[1])).run()


if __name__ == "__main__":
    asyncio.run(main())
