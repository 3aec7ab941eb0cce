"""How an instance is, in words that a volunteer at the station understands."""

from __future__ import annotations

from distreamer.model.audio import AudioFormat, Codec, StreamInfo
from distreamer.model.status import InstanceStatus, LinkStatus, ModuleState, ModuleStatus, PlayoutState
from distreamer.units import spoken_seconds

STALE_SECONDS = 3.0
"""Nothing new for so long is worth a word: three fragments."""

_CODEC_WORDS = {
    Codec.MPEG: "MPEG audio",
    Codec.AAC: "AAC",
    Codec.VORBIS: "Ogg Vorbis",
    Codec.OPUS: "Ogg Opus",
    Codec.FLAC: "Ogg FLAC",
    Codec.OGG: "Ogg",
    Codec.OPAQUE: "audio of an unknown kind",
}


def format_words(audio: AudioFormat) -> str:
    """``128 kbit/s MP3``, ``Ogg Opus``, …"""
    words = "MP3" if audio.profile.endswith("layer III") else _CODEC_WORDS[audio.codec]
    return f"{audio.bitrate / 1000:.0f} kbit/s {words}" if audio.bitrate else words


def stream_words(info: StreamInfo) -> str:
    """The format, and the station's name when it has one."""
    words = format_words(info.format)
    return f"{words} of “{info.station.name}”" if info.station.name else words


def budget_words(seconds: float, who: str = "the link") -> str:
    """The outage budget as one sentence."""
    return f"{who} may be down for {spoken_seconds(round(seconds))} before anyone hears it"


def status_sentence(status: InstanceStatus) -> str:
    """The whole instance in one line."""
    parts = [_source_words(status)]
    parts.extend(_peer_words(link) for output in status.outputs for link in output.links)
    parts.extend(_playout_words(status))
    parts.extend(_trouble_words(module) for module in status.outputs if module.state is ModuleState.RETRYING)
    return "; ".join(parts)


def _source_words(status: InstanceStatus) -> str:
    store = status.store
    if store.info is None or store.newest_age_seconds is None:
        return f"nothing has arrived yet ({_why(status)})"
    if store.newest_age_seconds > STALE_SECONDS:
        return f"nothing has arrived for {spoken_seconds(round(store.newest_age_seconds))} ({_why(status)})"
    return f"{stream_words(store.info)} arrives, {spoken_seconds(round(store.seconds))} are held"


def _why(status: InstanceStatus) -> str:
    details = [module.detail or module.state.value for module in status.inputs]
    return "; ".join(details) or "no input"


def _peer_words(link: LinkStatus) -> str:
    if not link.connected:
        return f"{link.peer} has been away for {spoken_seconds(round(link.silent_seconds))}"
    if link.peer_budget_seconds is None:
        return f"{link.peer} is connected"
    return f"{link.peer} can lose the link for {spoken_seconds(round(link.peer_budget_seconds))} before anyone hears it"


def _playout_words(status: InstanceStatus) -> list[str]:
    playout = status.playout
    if playout is None:
        return []
    listeners = sum(output.listeners.connected for output in status.outputs if output.listeners)
    count = "1 listener" if listeners == 1 else f"{listeners} listeners"
    if playout.state is PlayoutState.WAITING:
        return [
            f"the buffer fills: {spoken_seconds(round(status.store.seconds))} of "
            f"{spoken_seconds(playout.delay_seconds)}",
            count,
        ]
    if playout.state is PlayoutState.DRY:
        return [f"the buffer ran out, {count} hear nothing"]
    return [budget_words(playout.budget_seconds), count]


def _trouble_words(module: ModuleStatus) -> str:
    return f"{module.name} does not work: {module.last_error}"
