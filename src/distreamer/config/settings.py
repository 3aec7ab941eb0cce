"""The models that a configuration file fills. They are the manual too: the text under each field is printed.

A field's name is its INI key in lower case. Module files derive their own settings from ``InputSettings``,
``OutputSettings`` or ``AlertSettings``; the first line of such a class's docstring says what the MODE does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from distreamer.config.fields import (
    Bytes,
    EventKinds,
    HostPort,
    Level,
    Password,
    Seconds,
    Unit,
    Words,
    is_loopback,
    split_host_port,
)


class Settings(BaseModel):
    """The base of every section's settings: immutable, and no key is taken that it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        validate_by_name=True,
    )

    @field_validator("*")
    @classmethod
    def _locale_has_its_letters(cls, value: object) -> object:
        """Else Python would raise UnicodeEncodeError wherever the path is used."""
        if isinstance(value, Path):
            try:
                os.fsencode(value)
            except UnicodeEncodeError as error:
                raise ValueError("has letters that this system's locale lacks; LANG=C.UTF-8 has all") from error
        return value


AudioFault = Callable[[Path], str | None]
"""Says what keeps a file from being decoded, or None; it must not raise."""


def check_filler(filler: str | Path, info: ValidationInfo) -> str | Path:
    """A file is looked at when the validation's context is an ``AudioFault``; raises ValueError with its words."""
    fault = info.context(filler) if isinstance(filler, Path) and info.context else None
    if fault:
        raise ValueError(f"must be silence, none, or the path of an audio file; {fault}")
    return filler


class GeneralSettings(Settings):
    """What concerns the whole instance."""

    outputlevel: Level = 2
    """What the console (standard error) shows. 0: only what stops the instance. 1: also what it does, and
    errors. 2: also warnings, the troubles that it gets over by itself. 3: also details, such as every
    connection. 4: also what the libraries underneath say."""

    logfile: Path | None = None
    """A file that gets the log as well; empty for none. It is opened anew when another program, such as
    logrotate, has moved it away."""

    loglevel: Level = 2
    """What LOGFILE gets, on the same scale as OUTPUTLEVEL."""

    history: Annotated[Seconds, Field(ge=10, le=86400)] = 300
    """How much audio is kept. A link that comes back after this long or less has lost nothing."""

    spool: Annotated[Path, Field(examples=["/var/lib/distreamer/studio"])] | None = None
    """A folder on a disk that gets what is kept as well, so that it outlives the process: after a crash, a kill or a
    restart of the machine, the programme goes on where it was, for receivers and for listeners. Empty: all is kept in
    memory alone. Each instance needs a folder of its own; it is made if it is not there. The disk is never waited for:
    when it is full, broken, or hangs, everything goes on in memory, the log says so, and the disk is used again as soon
    as it takes what it is given. Each second of audio is handed to the system at once, which a crash of the program
    does not undo; the medium itself is told every 5 seconds to store it, and at the end of each file, which costs no
    more than the last seconds in a power cut and lets an SD card live for years. See docs/install.md."""

    spoolsize: Annotated[int, Unit("megabytes"), Field(ge=10, le=1_000_000)] = 1000
    """The most that SPOOL may take up. No more than HISTORY is kept there in any case: 58 MB an hour at
    128 kbit/s."""

    delay: Annotated[Seconds, Field(ge=1, le=3600)] | None = None
    """How far behind live the listeners hear. The longer, the longer the link may be down before anyone hears
    it. Empty: 25 seconds, or what MINFRAGMENTS asks for. It must not be more than HISTORY."""

    fallbackafter: Annotated[Seconds, Field(ge=1, le=3600)] | None = None
    """With several inputs: how long the one on air may bring nothing before another takes its place. Empty: where
    listeners are played to, not before the buffer has all but run out, so that nobody hears a short outage; elsewhere
    8 seconds."""

    filler: Annotated[
        Literal["silence", "none"] | Path,
        AfterValidator(check_filler),
        Words("silence, none, or the path of an audio file"),
    ] = "silence"
    """What listeners get when there is nothing left to play. ``silence``: silence in the stream's own format, so that
    players stay connected and the programme goes on by itself. ``none``: nothing, and players give up sooner or
    later. The path of an audio file of any kind: that file, again and again from its beginning, as loud as it is. It is
    converted once to the stream's own codec, sample rate, channels and about its bitrate, in the background, as soon as
    a few seconds of the stream have come; the first 10 minutes of it, and no more than become 32 MB. Until that is
    done, and for streams for which there is no encoder, such as HE-AAC, silence takes its place, and the log says why.
    This needs the extra ``audio`` (see docs/install.md)."""

    fillertitle: Annotated[str, Field(max_length=500)] = ""
    """What listeners see meanwhile. Empty: what they saw before."""

    onreturn: Literal["live", "continue"] = "live"
    """What is done with what was missed behind filler, when it comes after all. ``live``: it is skipped as far as it is
    older than DELAY. ``continue``: it is played, and listeners are so much later from then on. It has no effect with
    FILLER = none: there it always goes on where it stopped."""

    maxdelay: Annotated[Seconds, Field(ge=1, le=86400)] = 120
    """How far behind live ONRETURN = continue may lead; what is older is skipped. It has no effect below DELAY, and
    none with FILLER = none."""

    statusseconds: Annotated[Seconds, Field(ge=0, le=86400)] = 60
    """How often the log gets one line that says in plain words how the instance is, from level 1 on;
    0 for never."""

    budgetwarn: Annotated[Seconds, Field(ge=0, le=3600)] = 10
    """When what is held lasts for less than this, the event ``budget_low`` tells that the next outage may be heard.
    Where DELAY is short, half of it is the limit. 0 for never."""

    silenceseconds: Annotated[Seconds, Field(ge=0, le=3600)] = 20
    """When the programme is silent for so long, the event ``silence_on_air`` tells it: a studio what comes in, a
    transmitter what it plays. Filler does not count. 0 for never."""

    silencedbfs: Annotated[float, Unit("dBFS"), Field(ge=-90, le=-10)] = -50
    """What is softer than this is silent: the mean power of a second, of the louder channel; a sine of full scale has
    0. It needs the extra ``audio`` (see docs/install.md); without it MP3 is judged roughly, of AAC, Vorbis, Opus and
    FLAC only digital silence is seen, and of anything else nothing."""

    eventlog: Path | None = None
    """A file that gets everything that happens to the instance (a link is down, the programme is back, ...), each event
    as one line of JSON, as docs/reference/events.md lists them; empty for none. It is opened anew when another program,
    such as logrotate, has moved it away. When it cannot be written, the log says so once, and everything goes on."""

    admin: HostPort = ""
    """Where programs and people can see how the instance is, and tell it what to do: a dashboard for browsers,
    the HTTP API (/api/v1/...), /metrics for Prometheus, /health and /ready. Instances of one process that name the same
    address are shown together. Port 0 takes a free one, which the log then names. Empty: nowhere."""

    adminpassword: Annotated[Password, Field(max_length=200)] = ""
    """The password that ADMIN asks for, with any user. It must be set unless only this machine can reach ADMIN, and
    travels unprotected unless a proxy in front protects it."""

    name: Annotated[str, Field(max_length=64, examples=["studio"])] = ""
    """What this instance is called in the log. Empty: the name of the configuration file without its
    ending."""

    @model_validator(mode="after")
    def _admin_is_guarded(self) -> Self:
        if self.admin and not self.adminpassword and not is_loopback(split_host_port(self.admin)[0]):
            raise ValueError(
                f"ADMINPASSWORD must be set: ADMIN = {self.admin} can be reached from other machines, "
                "127.0.0.1 only from this one"
            )
        return self

    @model_validator(mode="after")
    def _delay_is_kept(self) -> Self:
        if self.delay is not None and self.delay > self.history:
            raise ValueError(
                f"DELAY = {self.delay:g} must not be above HISTORY = {self.history:g}: "
                "what the listeners have yet to hear must be kept"
            )
        return self


class ModuleSettings(Settings):
    """What every [INPUT], [OUTPUT] and [ALERT] section has."""

    PORTS: ClassVar[int] = 1
    """How many ports one that listens takes, from PORT on."""

    mode: str = ""
    """Which module it is, as ``distreamer modules`` lists them. (Files must give it; empty only in settings
    that a program made.)"""


class InputSettings(ModuleSettings):
    """The base of the settings of all inputs."""

    priority: Annotated[int, Field(ge=1, le=100)] = 1
    """With several inputs: which one is on air when all of them work. 1 comes before 2; those of the same priority
    come in the order of the file."""

    return_: Annotated[Seconds, Field(alias="return", ge=0, le=86400)] = 10
    """With several inputs: how long this one must have worked again before it takes the place of one of a lower
    priority. (A file or silence takes it at once.)"""


class FragmentingInputSettings(InputSettings):
    """The base of the settings of inputs that cut audio into fragments for receivers of both kinds."""

    fragmentseconds: Annotated[Seconds, Field(ge=0.2, le=10)] = 1.0
    """How long a fragment is. Short ones reach the far end sooner, long ones cost the link a little less."""

    fragmentsnumber: Annotated[int, Unit("fragments"), Field(ge=1, le=1000)] = 5
    """How many fragments of FRAGMENTSIZE receivers of DiStreamer 2 can have. How much is kept for everybody else is
    said by HISTORY."""

    fragmentsize: Annotated[Bytes, Field(ge=1024, le=1048576)] = 81920
    """How big a fragment for receivers of DiStreamer 2 is, and what MINFRAGMENTS counts in, here and at the far end;
    81920 bytes are 5 seconds at 128 kbit/s. How long ours are is said by FRAGMENTSECONDS."""

    @property
    def metadata_interval(self) -> int:
        """Bytes of audio between two titles for receivers of DiStreamer 2."""
        return 8192


class MadeInputSettings(FragmentingInputSettings):
    """The base of the settings of inputs that make their audio at any moment, as much as is wanted: files, silence."""


class OutputSettings(ModuleSettings):
    """The base of the settings of all outputs."""


class PlayingOutputSettings(OutputSettings):
    """The base of the settings of outputs that play in real time, DELAY behind live."""

    minfragments: Annotated[int, Field(ge=1, le=1000)] = 5
    """How far behind live the listeners hear, in DiStreamer 2 fragments, when this is set and DELAY is not: five
    fragments of 81920 bytes (or of the source's FRAGMENTSIZE) are 25.6 s at 128 kbit/s. When neither is set it is 25 s.
    Listeners get 404 until as much is buffered. New files had better set DELAY in [GENERAL], in seconds."""

    onformatchange: Literal["keep", "close"] = "keep"
    """What becomes of listeners when the sample rate or the channels of the programme change, because the encoder was
    set otherwise or a fallback has others. ``keep``: they stay; most players go on by themselves, some go on at the
    wrong speed. ``close``: they are disconnected behind the last sound of the old format, and are told the new one when
    they come again, which most do by themselves. Another bitrate alone never disconnects anybody, another codec always
    does."""


class AlertSettings(ModuleSettings):
    """The base of the settings of all alerts."""

    events: EventKinds = "problems"
    """Which events are told: their kinds, as docs/reference/events.md lists those that begin, with commas between them
    and ``*`` for any letters, such as ``link_*, silence_*``. ``problems``: all."""

    severity: Literal["warning", "error"] = "warning"
    """How bad it must be. ``warning``: everything is told. ``error``: only what listeners hear, or will soon."""

    hold: Annotated[Seconds, Field(ge=0, le=86400)] = 0
    """How long a problem must have lasted since its event before it is told. What is over sooner is not told at all.
    (The events themselves wait some seconds already.)"""

    resolved: bool = True
    """Whether the end is told too, of what was told."""

    mostperhour: Annotated[int, Unit("times"), Field(ge=1, le=100)] = 4
    """How often the same problem is told within an hour. When it begins once more, that is told together with how often
    it came, and then nothing until the hour is over and it is better."""

    timeout: Annotated[Seconds, Field(ge=1, le=300)] = 20
    """How long one try to tell it may take."""
