"""All that a link can do to a programme, in one table.

Times are seconds from the moment at which the trouble begins; by then every player has been playing for a while over a
link that is sound. What ``link`` says holds from then to the end of the run, events come on top of it. Unless said
otherwise, the link has 2 Mbit/s and 50 ms each way (a round trip of 100 ms) and a queue of 32 kB, and both directions
are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from distreamer.chaos.link_model import LinkSettings

BUFFER_SECONDS = 25.0
STEADY_SECONDS, QUICK_STEADY_SECONDS = 60.0, 40.0
"""How long a trouble lasts that does not change, and in a quick run."""
AFTER_EVENTS_SECONDS = 5.0
FIRST_FRAGMENT_SECONDS = 1.5
"""After an outage something new must have arrived at B within this."""
LEAST_DOWNLOAD_SHARE = 0.25
"""Of the link: a download beside the programme must not starve."""

SOUND = LinkSettings(delay_seconds=0.05, rate=2_000_000, queue_bytes=32_000)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at ``at``, and ends after ``seconds``."""

    at: float
    seconds: float = 0.0

    @property
    def end(self) -> float:
        return self.at + self.seconds


@dataclass(frozen=True, slots=True)
class Dark(Event):
    """Nothing passes."""

    ways: tuple[str, ...] = ("to_a", "to_b")
    path: int | None = None
    """One of several; None = all."""


@dataclass(frozen=True, slots=True)
class Thin(Event):
    """The link has another rate."""

    kilobits: int = 64


@dataclass(frozen=True, slots=True)
class NewAddress(Event):
    """B loses its address and gets another."""


@dataclass(frozen=True, slots=True)
class NewPorts(Event):
    """The router before B forgets all connections, and gives new ports."""


@dataclass(frozen=True, slots=True)
class Killed(Event):
    """``kill -9``, and a new start after ``seconds``."""

    sides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be heard at the most, for the run to be a success; None = that is not judged."""

    silent_seconds: float | None = 0.1
    """Below a tenth of a second is the inaccuracy of the measurement."""
    missing: int | None = 0
    repeated: int | None = 0
    disconnects: int | None = 0
    stops: int | None = None
    latency_seconds: float | None = None
    """At the end, from the studio to the ear."""


NOTHING = Allowed()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A row of the table."""

    name: str
    words: str
    link: LinkSettings = SOUND
    capacity: float = 0.0
    """The link's rate as a multiple of the programme's; 0 = what ``link`` says."""
    events: tuple[Event, ...] = ()
    paths: int = 1
    multipath: str = "failover"
    """How DiStreamer uses several paths."""
    has_router: bool = False
    """Whether B is behind a router that translates addresses."""
    passes_udp: bool = True
    general: Mapping[str, str] = field(default_factory=dict)
    """Further keys of [GENERAL] at DiStreamer's B."""
    allowed: Allowed = NOTHING
    has_download: bool = False
    """Whether somebody at B downloads from A all the time, by TCP, as fast as the link lets him."""
    pairs: int = 1
    """So many DiStreamers at A, each with one at B, share the link; all listeners are judged."""
    for_peers: bool = True
    """Whether other programs run it too."""

    def seconds(self, is_quick: bool) -> float:
        """How long the trouble lasts; what is on air until then must be heard."""
        if self.events:
            return max(event.end for event in self.events) + AFTER_EVENTS_SECONDS
        return QUICK_STEADY_SECONDS if is_quick else STEADY_SECONDS

    def link_at(self, kilobits: int) -> LinkSettings:
        """What the link is for a programme of ``kilobits`` kbit/s."""
        return replace(self.link, rate=self.capacity * kilobits * 1000) if self.capacity else self.link


def _lossy(loss: float) -> LinkSettings:
    return replace(SOUND, loss=loss)


_STOPPED_B = Allowed(silent_seconds=None, repeated=None, disconnects=1)
"""Players lose their server, and may hear nothing for as long as it is away, which is judged by itself; the one that
comes back begins with its usual burst, which repeats some seconds."""
_LONG = 60.0
_LONG_SILENCE = _LONG - BUFFER_SECONDS + 2.0

SCENARIOS = (
    Scenario("sound", "nothing happens"),
    Scenario("loss1", "1 % of all packets lost", _lossy(0.01)),
    Scenario("loss5", "5 % lost", _lossy(0.05)),
    Scenario("loss10", "10 % lost", _lossy(0.10)),
    Scenario("loss20", "20 % lost", _lossy(0.20)),
    Scenario("loss30", "30 % lost", _lossy(0.30)),
    Scenario("loss40", "40 % lost", _lossy(0.40)),
    Scenario("loss50", "50 % lost", _lossy(0.50)),
    Scenario("bursts10", "all lost in bursts of about 0.5 s, 10 % of the time", replace(SOUND, burst_loss=0.10)),
    Scenario("bursts25", "all lost in bursts of about 0.5 s, 25 % of the time", replace(SOUND, burst_loss=0.25)),
    Scenario("out2", "dark for 2 s", events=(Dark(0, 2),)),
    Scenario("out5", "dark for 5 s", events=(Dark(0, 5),)),
    Scenario("out10", "dark for 10 s", events=(Dark(0, 10),)),
    Scenario("out20", "dark for 20 s", events=(Dark(0, 20),)),
    Scenario("out2_loss30", "dark for 2 s, 30 % lost before and after", _lossy(0.30), events=(Dark(10, 2),)),
    Scenario("out5_loss30", "dark for 5 s, 30 % lost before and after", _lossy(0.30), events=(Dark(10, 5),)),
    Scenario("out10_loss30", "dark for 10 s, 30 % lost before and after", _lossy(0.30), events=(Dark(10, 10),)),
    Scenario("out20_loss30", "dark for 20 s, 30 % lost before and after", _lossy(0.30), events=(Dark(10, 20),)),
    Scenario("out20_twice", "dark for 20 s, and again 15 s later", events=(Dark(0, 20), Dark(35, 20))),
    Scenario("cuts10", "ten cuts of 3 s, with 3 s between them", events=tuple(Dark(6 * n, 3) for n in range(10))),
    Scenario("oneway10", "the way back dark for 10 s", events=(Dark(0, 10, ways=("to_a",)),)),
    Scenario("thin64", "64 kbit/s for 15 s", events=(Thin(0, 15, 64),)),
    Scenario("room1.5_loss10", "1.5 times the programme's bitrate, 10 % lost", _lossy(0.10), capacity=1.5),
    Scenario("room1.25_loss10", "1.25 times the programme's bitrate, 10 % lost", _lossy(0.10), capacity=1.25),
    Scenario("far600_loss5", "a round trip of 600 ms, 5 % lost", replace(_lossy(0.05), delay_seconds=0.3)),
    Scenario("jitter300", "jitter of 300 ms, out of order", replace(SOUND, jitter_seconds=0.3, reorders=True)),
    Scenario("twice20", "20 % of all packets come twice", replace(SOUND, duplication=0.20)),
    Scenario("address", "B changes its address", events=(NewAddress(5),)),
    Scenario("address5", "B changes its address five times", events=tuple(NewAddress(5 + 8 * n) for n in range(5))),
    Scenario("router", "the router gives B new ports", events=(NewPorts(5),), has_router=True),
    Scenario(
        "router5",
        "the router gives B new ports five times",
        events=tuple(NewPorts(5 + 8 * n) for n in range(5)),
        has_router=True,
    ),
    Scenario("a_killed2", "A killed, and started again after 2 s", events=(Killed(0, 2, sides=("a",)),)),
    Scenario("a_killed15", "A killed, and started again after 15 s", events=(Killed(0, 15, sides=("a",)),)),
    Scenario(
        "b_killed2",
        "B killed, and started again after 2 s",
        events=(Killed(0, 2, sides=("b",)),),
        allowed=_STOPPED_B,
    ),
    Scenario(
        "both_killed2",
        "both killed, and started again after 2 s",
        events=(Killed(0, 2, sides=("a", "b")),),
        allowed=_STOPPED_B,
    ),
    Scenario(
        "paths2",
        "two ways between A and B: one dark for 20 s, then the other",
        events=(Dark(0, 20, path=0), Dark(25, 20, path=1)),
        paths=2,
    ),
    Scenario(
        "paths2_share",
        "two ways between A and B, used at once (MULTIPATH = share): one dark for 20 s, then the other",
        events=(Dark(0, 20, path=0), Dark(25, 20, path=1)),
        paths=2,
        multipath="share",
        for_peers=False,
    ),
    Scenario(
        "paths2_duplicate",
        "two ways between A and B, everything over both (MULTIPATH = duplicate): one dark for 20 s, then the other",
        events=(Dark(0, 20, path=0), Dark(25, 20, path=1)),
        paths=2,
        multipath="duplicate",
        for_peers=False,
    ),
    Scenario(
        "out60_continue",
        "dark for 60 s, ONRETURN = continue",
        events=(Dark(0, _LONG),),
        general={"ONRETURN": "continue"},
        allowed=Allowed(silent_seconds=_LONG_SILENCE, stops=1),
        for_peers=False,
    ),
    Scenario(
        "out60_live",
        "dark for 60 s, ONRETURN = live",
        events=(Dark(0, _LONG),),
        general={"ONRETURN": "live"},
        # It must have skipped: the buffer, the player's own and some seconds of processing are left.
        allowed=Allowed(silent_seconds=_LONG_SILENCE, missing=None, stops=1, latency_seconds=BUFFER_SECONDS + 8),
    ),
    Scenario("download", "a download beside it, by TCP", has_download=True, for_peers=False),
    Scenario(
        "download_out10",
        "a download beside it, by TCP; dark for 10 s",
        events=(Dark(10, 10),),
        has_download=True,
        for_peers=False,
    ),
    Scenario("twins", "two DiStreamers share 2.5 times the bitrate", capacity=2.5, pairs=2, for_peers=False),
    Scenario(
        "twins_out10",
        "two DiStreamers share 2.5 times the bitrate; dark for 10 s",
        capacity=2.5,
        events=(Dark(10, 10),),
        pairs=2,
        for_peers=False,
    ),
    Scenario("no_udp", "no UDP passes", passes_udp=False),
    Scenario("no_udp_loss30", "no UDP passes, 30 % lost", _lossy(0.3), passes_udp=False, for_peers=False),
    Scenario("no_udp_loss40", "no UDP passes, 40 % lost", _lossy(0.4), passes_udp=False, for_peers=False),
    Scenario("no_udp_out20", "no UDP passes; dark for 20 s", events=(Dark(0, 20),), passes_udp=False, for_peers=False),
    Scenario("small1300", "packets above 1300 bytes vanish", replace(SOUND, largest_packet=1300)),
)


def named(name: str) -> Scenario:
    """Raises KeyError."""
    return {scenario.name: scenario for scenario in SCENARIOS}[name]
