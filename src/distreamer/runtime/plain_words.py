"""How an instance is, in words that a volunteer at the station understands."""

from __future__ import annotations

from distreamer.model.audio import AudioFormat, Codec, StreamInfo
from distreamer.model.link_history import SLOT_SECONDS, LinkHistory
from distreamer.model.status import InstanceStatus, LinkStatus, ModuleState, ModuleStatus, PlayoutState, PlayoutStatus
from distreamer.sessions.path_words import paths_sentence
from distreamer.units import spoken_seconds

STALE_SECONDS = 3.0
"""Nothing new for so long is worth a word, unless fragments themselves last about as long."""
DAY_SECONDS = 86_400
MOST_NAMED = 5
"""Receivers that are named in one line, of those that are here and of those that are away."""
WRONG_PASSWORD_SECONDS = 600.0
"""So long ago is a wrong password worth a word."""

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


def filler_words(playout: PlayoutStatus) -> str:
    """What listeners hear where there is no programme."""
    if not playout.is_filling:
        return "nothing"
    return "the filler file" if playout.fills_with_clip else "silence"


def status_sentence(status: InstanceStatus) -> str:
    """The whole instance in one line."""
    parts = [_source_words(status)]
    # One that is not running has said it already.
    running = [module for module in status.inputs if module.state is ModuleState.RUNNING]
    parts.extend(paths_sentence(module.links) for module in running if len(module.links) > 1)
    parts.extend(_receivers_words(status))
    parts.extend(_playout_words(status))
    # Of an input that is on air, or ought to be, the source's words speak.
    reserve = [module for module in status.inputs[1:] if not module.on_air]
    troubled = [module for module in (*reserve, *status.outputs) if module.state is ModuleState.RETRYING]
    parts.extend(_trouble_words(module) for module in troubled)
    parts.extend(words for module in (*status.inputs, *status.outputs) if (words := _password_words(module)))
    if status.spool is not None and not status.spool.works:
        parts.append(f"the spool cannot be used ({status.spool.trouble})")
    return "; ".join(parts)


def is_stale(status: InstanceStatus) -> bool:
    """Whether nothing new arrives, where something did."""
    age = status.store.newest_age_seconds
    return age is not None and age > max(STALE_SECONDS, 2 * status.store.newest_seconds)


def _source_words(status: InstanceStatus) -> str:
    store = status.store
    if store.info is None or store.newest_age_seconds is None:
        return f"nothing has arrived yet ({_why(status)})"
    if is_stale(status):
        return f"nothing has arrived for {spoken_seconds(round(store.newest_age_seconds))} ({_why(status)})"
    other = stand_in(status)
    verb = "arrives"
    if other:
        verb = f"comes from {other.name} instead of {_fault(status.inputs[0])}"
    elif status.inputs and status.inputs[0].chosen:
        verb = f"comes from {status.inputs[0].name}, which an operator prefers"
    return f"{stream_words(store.info)} {verb}, {spoken_seconds(round(store.seconds))} are held"


def stand_in(status: InstanceStatus) -> ModuleStatus | None:
    """The input that is on air in place of the preferred one, which stands first."""
    return next((module for module in status.inputs[1:] if module.on_air), None)


def _fault(module: ModuleStatus) -> str:
    """An input that ought to be on air, and what is the matter with it."""
    if module.returns_in_seconds is not None:
        return f"{module.name} (works again, and comes back in {spoken_seconds(round(module.returns_in_seconds))})"
    return f"{module.name} ({_why_module(module, has_begun=False)})"


def _why(status: InstanceStatus) -> str:
    has_begun = status.store.info is not None
    if len(status.inputs) == 1:
        return _why_module(status.inputs[0], has_begun)
    return "; ".join(f"{module.name}: {_why_module(module, has_begun)}" for module in status.inputs) or "no input"


def _why_module(module: ModuleStatus, has_begun: bool) -> str:
    """Who is to blame. An error of an earlier attempt says more than that there is a new one, but only for as long as
    none succeeded."""
    for link in module.links:
        if link.connected:
            return f"the link to {link.peer} works, but nothing new arrives there either"
    detail = module.detail or module.state.value
    if module.state is ModuleState.STARTING and module.last_error and not has_begun:
        return f"{detail}; the last attempt failed: {module.last_error}"
    return detail


def _receivers_words(status: InstanceStatus) -> list[str]:
    """The receivers that are here first. Of those that are away a few are named, and none whose address is here: it
    was started anew."""
    links = [link for output in status.outputs for link in output.links]
    here = [link for link in links if link.connected]
    addresses = {(link.peer, link.path) for link in here}
    away = sorted(
        (link for link in links if not link.connected and (link.peer, link.path) not in addresses),
        key=lambda link: link.silent_seconds,
    )
    stale = is_stale(status)
    words = [_receiver_words(link, stale) for link in here[:MOST_NAMED]]
    if len(here) > MOST_NAMED:
        words.append(f"{len(here) - MOST_NAMED} more are connected")
    words += [
        f"{who(link)} has been away for {spoken_seconds(round(link.silent_seconds))}" for link in away[:MOST_NAMED]
    ]
    if len(away) > MOST_NAMED:
        words.append(f"{len(away) - MOST_NAMED} more are away")
    return words


def who(link: LinkStatus) -> str:
    """The other side, and which of several paths to it this is. Who dials has named it in the path already."""
    if link.path.endswith(f"to {link.peer}"):
        return link.path
    return f"{link.peer} ({link.path})" if link.path else link.peer


def _receiver_words(link: LinkStatus, is_stale: bool) -> str:
    if not link.carries:
        return f"{who(link)} stands by"
    if link.peer_budget_seconds is None:
        return f"{who(link)} is connected"
    if link.peer_budget_seconds <= 0:
        return f"{who(link)} has nothing left to play"
    budget = spoken_seconds(round(link.peer_budget_seconds))
    if is_stale:
        return f"what {who(link)} holds lasts for {budget} more"
    return f"{who(link)} can lose the link for {budget} before anyone hears it"


def _playout_words(status: InstanceStatus) -> list[str]:
    playout = status.playout
    if playout is None:
        return []
    listeners = sum(output.listeners.connected for output in status.outputs if output.listeners)
    serves = any(output.listeners is not None for output in status.outputs)
    count = "1 listener" if listeners == 1 else f"{listeners} listeners" if serves else ""
    return [words for words in _head_words(status, playout, listeners, count) if words]


def _head_words(status: InstanceStatus, playout: PlayoutStatus, listeners: int, count: str) -> list[str]:
    if playout.state is PlayoutState.WAITING:
        if status.store.info is None:
            return [count]
        held = min(status.store.seconds, playout.delay_seconds)
        return [f"the buffer fills: {spoken_seconds(round(held))} of {spoken_seconds(playout.delay_seconds)}", count]
    if playout.state is PlayoutState.DRY:
        what = filler_words(playout)
        if not count:
            return [f"the buffer ran out, {what} is sent on"]
        if not listeners:
            return ["the buffer ran out, nobody listens"]
        return [f"the buffer ran out, {count} {'hears' if listeners == 1 else 'hear'} {what}"]
    if stand_in(status) is not None:
        return [count]
    if is_stale(status):
        return [f"what is held lasts for {spoken_seconds(round(playout.budget_seconds))} more", count]
    return [budget_words(playout.budget_seconds), count]


def _trouble_words(module: ModuleStatus) -> str:
    return f"{module.name} does not work: {module.last_error}"


def _password_words(module: ModuleStatus) -> str:
    """For a while after one came: somebody has another PASSWORD than this module, or tries to find it."""
    seconds = module.wrong_password_seconds
    if seconds is None or seconds > WRONG_PASSWORD_SECONDS:
        return ""
    count = module.wrong_passwords
    if count == 1:
        return f"a wrong PASSWORD came to {module.name} {spoken_seconds(round(seconds))} ago"
    return f"{count} wrong PASSWORDs came to {module.name} so far, the last {spoken_seconds(round(seconds))} ago"


def link_words(history: LinkHistory) -> str:
    """``up 3 d 4 h; last 24 h: 17 cuts, longest 11 s, 0 s heard``."""
    now = f"up {_whole(history.up_seconds)}" if history.is_up else f"down for {_whole(history.down_seconds)}"
    # The slot that runs is not over.
    is_day = history.watched_day_seconds >= DAY_SECONDS - SLOT_SECONDS
    watched = _whole(DAY_SECONDS if is_day else history.watched_day_seconds)
    words = f"{now}; last {watched}: {_cut_words(history)}"
    return words if history.heard_day_seconds is None else f"{words}, {_whole(history.heard_day_seconds)} heard"


def _cut_words(history: LinkHistory) -> str:
    if not history.cuts_day and not history.longest_day_seconds:
        return "no cuts"
    cuts = "1 cut" if history.cuts_day == 1 else f"{history.cuts_day} cuts"
    longest = _whole(history.longest_day_seconds) if history.longest_day_seconds >= 1 else "less than 1 s"
    return f"{cuts}, longest {longest}"


def _whole(seconds: float) -> str:
    return spoken_seconds(round(seconds))
