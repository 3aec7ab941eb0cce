"""The process that is the studio: it serves the known programme in real time, as an Icecast with a burst of 30 s does.

python -m benchmarks.gauntlet.source KBIT PORT
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.gauntlet.programme import programme
from benchmarks.gauntlet.wire import commands, say
from distreamer.demo.programme_server import ProgrammeServer


async def main() -> None:
    kilobits, port = map(int, sys.argv[1:])
    async with ProgrammeServer(programme(kilobits), "0.0.0.0", port) as server:
        say({"began": server.began})
        async for _ in commands():
            pass


if __name__ == "__main__":
    asyncio.run(main())
