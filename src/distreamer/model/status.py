"""The status snapshot: one frozen tree per instance, read by the log, the demo, the API and the metrics alike.

All durations are seconds, all sizes bytes, all counters count since the instance's start.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distreamer.model.audio import StreamInfo, Title
from distreamer.model.event import Problem
from distreamer.model.link_history import LinkHistory


class ModuleState(StrEnum):
    """What a supervised module is doing."""

    STARTING = "starting"
    """Runs, but has nothing to show yet."""
    RUNNING = "running"
    """Does its job."""
    RETRYING = "retrying"
    """Failed, and will be started again."""
    STOPPED = "stopped"


DISTREAMER_2 = "DiStreamer 2"
"""The ``carrier`` of a conversation on its wire."""


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """A conversation with another DiStreamer."""

    peer: str
    connected: bool
    carrier: str = ""
    """``quic``, ``websocket``, …"""
    connected_seconds: float = 0.0
    silent_seconds: float = 0.0
    """How long the peer has said nothing."""
    rtt_seconds: float | None = None
    fragments: int = 0
    """Fragments carried (sent and acknowledged, or received) since start."""
    duplicates: int = 0
    """Fragments received that were held already."""
    cuts: int = 0
    """How often an established conversation was lost, and no other connection of the link went on."""
    peer_budget_seconds: float | None = None
    """How long the link may be down before the far end's listeners hear it, as the far end says; None when it
    does not play."""
    path: str = ""
    """Which of several paths it is: ``via wwan0 to studio.example:7080``; empty for a single one."""
    party: str = ""
    """What the paths of one receiver have in common, where it dials; empty where the paths of the module are all that
    there are."""
    carries: bool = True
    """Whether the programme comes, or goes, this way now; False for a path that stands by."""
    trouble: str = ""
    """Of one that is down: why, when more is known than that nothing is heard."""
    history: LinkHistory | None = None
    """Its last 24 hours; None when it is not watched."""


@dataclass(frozen=True, slots=True)
class ListenersStatus:
    """The players connected to an output."""

    connected: int = 0
    unique: int = 0
    """The addresses that they have; in IPv6 the networks of 64 bits."""
    peak: int = 0
    served: int = 0
    """Listeners that ever got audio; a player that only looks what there is does not count."""
    moved_forward: int = 0
    """How often a listener that was too slow lost audio."""
    closed_without_audio: int = 0
    """Listeners closed by TIMEOUT."""
    refused_full: int = 0
    """Listeners refused because of MAXLISTENERS."""
    refused_per_address: int = 0
    """Listeners refused because of MAXPERADDRESS."""
    refused_connections: int = 0
    """Connections closed unheard, because there were too many that had yet to ask."""
    refused_password: int = 0
    """How often a wrong ADMINPASSWORD was given."""
    cut_off: int = 0
    """Listeners cut off because they took nothing, or far too little, for a minute."""


@dataclass(frozen=True, slots=True)
class ModuleStatus:
    """One input or output."""

    name: str
    """``input``, ``output``, or with the section's own name: ``output studio``."""
    mode: str
    state: ModuleState
    state_seconds: float
    """Since it is in that state."""
    detail: str = ""
    """One plain sentence."""
    restarts: int = 0
    last_error: str = ""
    links: tuple[LinkStatus, ...] = ()
    listeners: ListenersStatus | None = None
    wrong_passwords: int = 0
    """That others came with; those of players are in ``listeners``."""
    wrong_password_seconds: float | None = None
    """Since the last of them at the door of a link; None when there was none."""
    chosen: bool = False
    """Whether an operator prefers this input to all others, by a command."""
    on_air: bool = True
    """False for an input that stands by while another is on air."""
    returns_in_seconds: float | None = None
    """For an input that is preferred to the one on air and works again: when it takes over, if it goes on like this."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The fragments that the instance holds."""

    info: StreamInfo | None = None
    """None until there is a stream."""
    epoch: int | None = None
    first_number: int | None = None
    """Of the newest epoch."""
    last_number: int | None = None
    seconds: float = 0.0
    size: int = 0
    newest_age_seconds: float | None = None
    """Since the store last grew."""
    newest_seconds: float = 0.0
    """How long the newest fragment lasts."""
    added: int = 0
    added_seconds: float = 0.0
    """Audio of all fragments that were added."""
    added_size: int = 0
    """Bytes of audio of all fragments that were added."""
    declared_bitrate: int = 0
    """Bits per second as the source says; 0 when it does not, or when another DiStreamer brings its programme."""
    constant_bitrate: int | None = None
    """Bits per second of the last 30 s of audio; None before, and where they vary or nobody knows (all but MPEG and
    AAC)."""
    duplicates: int = 0
    evicted: int = 0
    """Fragments dropped because HISTORY or the size limit was reached."""
    title: Title | None = None
    """The newest: what the studio sent last."""
    title_sent_at: float | None = None
    """When that reached the source (Unix time); None when it began before anything that was held here."""


class PlayoutState(StrEnum):
    """What the playout head is doing."""

    WAITING = "waiting"
    """The buffer fills; nothing was played yet."""
    PLAYING = "playing"
    DRY = "dry"
    """The buffer ran out: listeners hear nothing, or filler."""


@dataclass(frozen=True, slots=True)
class PlayoutStatus:
    """The head that plays for listeners."""

    state: PlayoutState = PlayoutState.WAITING
    delay_seconds: float = 0.0
    """What it keeps between the newest fragment and itself."""
    budget_seconds: float = 0.0
    """The outage budget: how long nothing may arrive before anyone hears it."""
    is_filling: bool = False
    """Whether listeners hear filler, because nothing is held."""
    fills_with_clip: bool = False
    """Whether that is the file that FILLER names, and not silence."""
    behind_seconds: float | None = None
    """How long ago what listeners hear now reached the source; None before anything was played. Needs clocks that
    agree at both ends."""
    played_seconds: float = 0.0
    dry_seconds: float = 0.0
    """How long listeners were left without programme."""
    dry_times: int = 0
    skipped_seconds: float = 0.0
    """Audio that was due and never came, or was left out to keep up."""
    title: Title | None = None
    """As heard."""
    title_heard_since: float | None = None
    """When that began to be heard (Unix time)."""


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """What is kept on a disk, so that it outlives the process."""

    folder: str
    works: bool
    """False: everything goes on in memory alone."""
    trouble: str = ""
    """Why it does not, in plain words."""
    size: int = 0
    written: int = 0
    """Fragments that the disk was given."""
    unwritten: int = 0
    """Fragments that it did not take."""
    restored_seconds: float = 0.0
    """Audio of an earlier run that was taken up."""
    damages: int = 0
    """Damaged places in what an earlier run had written."""


class LevelMethod(StrEnum):
    """How it is known how loud the programme is."""

    DECODED = "decoded"
    """A second of it was decoded and measured."""
    ESTIMATED = "estimated"
    """By what its frames tell without being decoded: of MP3 the level within some decibels, of AAC, Vorbis, Opus and
    FLAC only whether it is digital silence."""


@dataclass(frozen=True, slots=True)
class LevelStatus:
    """How loud the programme is: what is played or, where nothing is, what comes in. Filler does not count.

    In dBFS, from -100 on: decibels of mean power of about the last second, a sine of full scale having 0.
    """

    method: LevelMethod
    left_dbfs: float | None
    """None: there is some sound, and nobody knows how loud it is."""
    right_dbfs: float | None
    """The same as the left of one channel."""
    peak_dbfs: float | None
    """The highest sample of all channels; None where some sound was not decoded."""
    silent_seconds: float
    """For how long it has been below SILENCEDBFS; 0 when it is not."""
    skipped: int = 0
    """How often a second was not decoded in time, or could not be."""


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """Somebody who is told what happens."""

    name: str
    """``alert``, or with the section's own name: ``alert night``."""
    mode: str
    receiver: str
    """Who that is, without anything secret: ``mail to anna@example.org``."""
    state: ModuleState
    """``retrying`` when the last try failed; what waits is tried again."""
    waiting: int = 0
    """Messages that have yet to be told."""
    delivered: int = 0
    failed: int = 0
    """Messages given up, because the receiver refused them or could not be reached for too long."""
    dropped: int = 0
    """Messages lost because too many waited."""
    held_back: int = 0
    """Problems that were not told because they were over within HOLD, or came too often."""
    last_error: str = ""
    """What the last try that failed failed for; empty when one has succeeded since."""
    last_delivered_at: float | None = None
    """Unix time; None when nothing was told yet."""


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """Everything known about one instance at one moment."""

    name: str
    at: float
    """Unix time."""
    uptime_seconds: float
    inputs: tuple[ModuleStatus, ...]
    """The preferred one first."""
    outputs: tuple[ModuleStatus, ...]
    store: StoreStatus
    playout: PlayoutStatus | None
    """None when no output plays."""
    spool: SpoolStatus | None = None
    """None when there is none."""
    levels: LevelStatus | None = None
    """None when nothing of the programme comes, or nothing can be told of it."""
    refused_admin_passwords: int = 0
    """How often a wrong ADMINPASSWORD was given, to all instances of that ADMIN together."""
    alerts: tuple[AlertStatus, ...] = ()
    """Who is told of events."""
    problems: tuple[Problem, ...] = ()
    """What is the matter now; those that began first stand first."""
