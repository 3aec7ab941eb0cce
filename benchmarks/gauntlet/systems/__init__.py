"""What carries a programme from A to B: DiStreamer and its peers, one file each."""

from __future__ import annotations

from benchmarks.gauntlet.systems.distreamer import DiStreamer
from benchmarks.gauntlet.systems.icecast import IcecastRelay
from benchmarks.gauntlet.systems.plain_player import PlainPlayer
from benchmarks.gauntlet.systems.rist import Rist
from benchmarks.gauntlet.systems.srt import Srt
from benchmarks.gauntlet.systems.system import System

OURS = DiStreamer()
PEERS: tuple[System, ...] = (IcecastRelay(), Srt(), Rist(), PlainPlayer())
SYSTEMS: tuple[System, ...] = (OURS, *PEERS)
