"""DiStreamer itself: A takes the studio's stream, B plays it 25 s later."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.gauntlet.scenarios import BUFFER_SECONDS
from benchmarks.gauntlet.systems.system import PLAYER_PORT, Listening, Order, Program

LINK_PORT, ARRIVALS_PORT = 7080, 7090


class DiStreamer:
    """Two processes with a config file each, as operators run them."""

    name = "DiStreamer"
    words = "DELAY = 25, SPOOL at both ends, everything else as it comes"
    has_titles = True
    sides = "ab"

    def why_not(self) -> str:
        return ""

    def programs(self, order: Order) -> list[Program]:
        further = "".join(f"{key} = {value}\n" for key, value in order.scenario.general.items())
        scenario, hosts = order.scenario, [order.host_of_a]
        multipath = ""
        if scenario.paths > 1:
            hosts, multipath = list(order.addresses_of_a), f"MULTIPATH = {scenario.multipath}\n"
        pair, mark = order.pair, str(order.pair + 1) if order.pair else ""
        servers = ", ".join(f"http://{host}:{LINK_PORT + pair}" for host in hosts)
        log = "OUTPUTLEVEL = 3\nSTATUSSECONDS = 5\n"
        studio = _write(
            order.folder / f"a{mark}.conf",
            f"[GENERAL]\n{log}SPOOL = {order.folder / f'spool-a{mark}'}\n"
            f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {order.source_url}\n"
            f"[OUTPUT]\nMODE = DiStreamerServer\nPORT = {LINK_PORT + pair}\n",
        )
        transmitter = _write(
            order.folder / f"b{mark}.conf",
            f"[GENERAL]\n{log}SPOOL = {order.folder / f'spool-b{mark}'}\nDELAY = {BUFFER_SECONDS:g}\n{further}"
            f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = {servers}\n{multipath}"
            f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {PLAYER_PORT + pair}\n"
            # Only to see when something arrives.
            f"[OUTPUT arrivals]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {ARRIVALS_PORT + pair}\n",
        )
        return [
            Program(f"a{mark}", "a", (sys.executable, "-m", "distreamer", str(studio))),
            Program(f"b{mark}", "b", (sys.executable, "-m", "distreamer", str(transmitter))),
        ]

    def listening(self, order: Order) -> Listening:
        return Listening(port=PLAYER_PORT + order.pair, arrivals_port=ARRIVALS_PORT + order.pair)


def _write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file
