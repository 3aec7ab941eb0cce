"""What is looked at to tell what happens to an instance; each function is a row of ``event_rows``. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from distreamer.config.redact import redacted_url
from distreamer.config.wording import printable
from distreamer.model.event import Fact
from distreamer.model.status import InstanceStatus, ModuleState, ModuleStatus, PlayoutState
from distreamer.runtime.link_book import WatchedLink
from distreamer.runtime.plain_words import filler_words, is_stale, stand_in, who
from distreamer.units import spoken_seconds

FIRST_AUDIO_SECONDS = 10.0
"""After the start, for anything to arrive."""
BUDGET_PART = 0.5
"""Where DELAY is short, a budget below this part of it counts as low, whatever BUDGETWARN says …"""
BUDGET_BACK = 1.25
"""… and it must be so much above the limit to be fine again."""
WRONG_PART, RIGHT_PART = 0.15, 0.1
"""A bitrate that differs by more than this part is wrong; right again below the other."""
MOST_REFUSED = 5
"""Wrong passwords within a minute; fewer are typing errors."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a look sees."""

    status: InstanceStatus
    before: InstanceStatus | None
    """A second ago; None at the first look."""
    minute_ago: InstanceStatus
    """A minute ago, or the first that was seen."""
    links: tuple[WatchedLink, ...]
    budget_warn_seconds: float
    """BUDGETWARN."""
    silence_seconds: float
    """SILENCESECONDS."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How it is with one subject."""

    is_bad: bool | None
    """None: neither; it stays as it was."""
    began: str
    """The sentence when it is bad."""
    ended: str
    """The sentence when it is fine again; how long it lasted is added."""
    subject: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    bad_seconds: float = 0.0
    """For how long it has been bad when it is found to be so."""


def source(scene: Scene) -> Iterator[Finding]:
    """Whether anything arrives."""
    status = scene.status
    on_air = [module for module in status.inputs if module.on_air]
    links = [link for module in on_air for link in module.links]
    began = f"nothing has arrived yet from {_names(on_air)}"
    is_bad: bool | None
    if status.store.info is None:
        is_bad = status.uptime_seconds >= FIRST_AUDIO_SECONDS
    else:
        is_bad = is_stale(status)
        began = f"nothing arrives any more from {_names(on_air)}"
    if is_bad and links and not any(link.connected for link in links):
        is_bad = None  # The link says it.
    age = status.store.newest_age_seconds
    facts = {"silent_seconds": None if age is None else round(age, 1), "inputs": _names(on_air)}
    yield Finding(is_bad, began, "the programme arrives again", facts=facts)


def links(scene: Scene) -> Iterator[Finding]:
    """Whether each link is up; of several paths, whether any is."""
    for first, *others in _parties(scene):
        status, is_reached = first.status, first.is_reached
        is_bad: bool | None
        peers = ", ".join(dict.fromkeys(link.status.peer for link in (first, *others)))
        facts: dict[str, Fact] = {"module": first.module, "peer": peers, "carrier": status.carrier}
        held, budget = "", first.budget_at_cut
        if not is_reached and budget is not None:
            facts["peer_budget_seconds"] = round(budget, 1)
            held = f"; what was held there lasts for {spoken_seconds(round(budget))}"
        subject, why, is_bad = first.name, "", not is_reached
        if status.path:
            subject, why = first.name if first.party else first.module, ": no path works"
            facts["paths"] = 1 + len(others)
        if not any(_is_told(link, scene) for link in (first, *others)) and (status.path or _is_replaced(first, scene)):
            is_bad = None
        yield Finding(is_bad, f"the link to {peers} is down{why}{held}", f"the link to {peers} is up", subject, facts)


def paths(scene: Scene) -> Iterator[Finding]:
    """Whether each of several paths is up, while another is."""
    for link in scene.links:
        status = link.status
        if not status.path:
            continue
        name = printable(who(status))
        trouble = f" ({printable(redacted_url(status.trouble))})" if status.trouble else ""
        yield Finding(
            # When none works, the link says it; what is not told of was taken out of the configuration.
            not link.is_up if link.is_reached and _is_told(link, scene) else None,
            f"the path {name} is down{trouble}; another one stands in for it",
            f"the path {name} is up",
            link.name,
            {"module": link.module, "peer": status.peer, "path": printable(status.path), "carrier": status.carrier},
        )


def _is_told(link: WatchedLink, scene: Scene) -> bool:
    return link.told_at == scene.status.uptime_seconds


def _is_replaced(link: WatchedLink, scene: Scene) -> bool:
    """An input has one far end: when it tells of another, this one is none any more."""
    return link.is_input and any(one.module == link.module and _is_told(one, scene) for one in scene.links)


def _parties(scene: Scene) -> list[list[WatchedLink]]:
    """The paths that stand in for one another, and each lone link."""
    found: dict[tuple[str, ...], list[WatchedLink]] = {}
    for link in scene.links:
        key = (link.module, link.party, "") if link.status.path else (link.module, "", link.name)
        found.setdefault(key, []).append(link)
    return list(found.values())


def budget(scene: Scene) -> Iterator[Finding]:
    """Whether enough is held."""
    status, playout = scene.status, scene.status.playout
    if playout is None or playout.state is PlayoutState.WAITING or scene.budget_warn_seconds <= 0:
        return
    warn, budget = min(scene.budget_warn_seconds, BUDGET_PART * playout.delay_seconds), playout.budget_seconds
    is_bad = True if budget < warn else False if budget >= BUDGET_BACK * warn else None
    if stand_in(status) is not None:
        is_bad = None  # What stands in may be made here, as much as is wanted.
    yield Finding(
        is_bad,
        f"only {spoken_seconds(round(budget))} are left to play before anyone hears it",
        "enough is held again",
        facts={"budget_seconds": round(budget, 1), "limit_seconds": round(warn, 1)},
    )


def filler(scene: Scene) -> Iterator[Finding]:
    """Whether filler is played."""
    playout = scene.status.playout
    if playout is not None:
        facts = {"is_clip": playout.fills_with_clip, "listeners": _listeners(scene.status)}
        began = f"{filler_words(playout)} is on air until the programme is back"
        yield Finding(playout.is_filling, began, "the filler has ended", facts=facts)


def silence(scene: Scene) -> Iterator[Finding]:
    """Whether the programme is silent. Filler is another matter, and has its own event."""
    status, levels, limit = scene.status, scene.status.levels, scene.silence_seconds
    if limit <= 0 or (status.playout is not None and status.playout.is_filling):
        return
    if levels is None:
        yield Finding(None, "", "")
        return
    seconds = levels.silent_seconds
    verb = "comes in" if status.playout is None else "is played"
    facts: dict[str, Fact] = {
        "silent_seconds": round(seconds, 1),
        "left_dbfs": levels.left_dbfs,
        "right_dbfs": levels.right_dbfs,
        "method": levels.method.value,
    }
    yield Finding(
        True if seconds >= limit else False if not seconds else None,
        f"what {verb} has been silent for {spoken_seconds(round(seconds))}",
        f"what {verb} is silent no more",
        facts=facts,
        bad_seconds=seconds,
    )


def dry(scene: Scene) -> Iterator[Finding]:
    """Whether anything is left to play."""
    playout, before = scene.status.playout, scene.before.playout if scene.before else None
    if playout is None:
        return
    was_dry = before is not None and playout.dry_times > before.dry_times
    facts = {"dry_seconds": round(playout.dry_seconds, 1), "listeners": _listeners(scene.status)}
    began = "the buffer ran out: listeners are without programme"
    yield Finding(
        playout.state is PlayoutState.DRY or was_dry, began, "listeners hear the programme again", facts=facts
    )


def preferred(scene: Scene) -> Iterator[Finding]:
    """Whether the preferred input is on air."""
    status = scene.status
    if not status.inputs:
        return
    preferred, real = status.inputs[0], stand_in(status)
    instead = real.name if real else "another input"
    facts: dict[str, Fact] = {"preferred": preferred.name, "real": real.name if real else preferred.name}
    began = f"{instead} is on air instead of {preferred.name}"
    yield Finding(not preferred.on_air, began, f"{preferred.name} is on air again", preferred.name, facts)


def inputs(scene: Scene) -> Iterator[Finding]:
    """Whether each input works."""
    return _modules(scene.status.inputs)


def outputs(scene: Scene) -> Iterator[Finding]:
    """Whether each output works."""
    return _modules(scene.status.outputs)


def _modules(modules: tuple[ModuleStatus, ...]) -> Iterator[Finding]:
    """Between two attempts it is not known yet whether the next one works."""
    known = {ModuleState.RETRYING: True, ModuleState.RUNNING: False}
    for module in modules:
        error = printable(redacted_url(module.last_error))
        facts: dict[str, Fact] = {"mode": module.mode, "restarts": module.restarts, "error": error}
        began = f"{module.name} does not work: {error}"
        yield Finding(known.get(module.state), began, f"{module.name} works again", module.name, facts)


def bitrate(scene: Scene) -> Iterator[Finding]:
    """Whether a source of a constant bitrate sends what it says."""
    declared, measured = scene.status.store.declared_bitrate, scene.status.store.constant_bitrate
    if not declared:
        return
    if measured is None:
        yield Finding(None, "", "")
        return
    off = abs(measured - declared) / declared
    yield Finding(
        True if off > WRONG_PART else False if off < RIGHT_PART else None,
        f"the source says {declared / 1000:.0f} kbit/s and sends {measured / 1000:.0f}",
        f"the source sends {measured / 1000:.0f} kbit/s, as it says",
        facts={"declared_bits_per_second": declared, "measured_bits_per_second": measured},
    )


def disk(scene: Scene) -> Iterator[Finding]:
    """Whether the disk takes what it is given."""
    spool = scene.status.spool
    if spool is not None:
        began = f"the disk cannot be used, everything goes on in memory: {spool.trouble}"
        yield Finding(not spool.works, began, "the disk is used again", facts={"folder": spool.folder})


def passwords(scene: Scene) -> Iterator[Finding]:
    """Whether somebody guesses passwords."""
    before = _wrong_passwords(scene.minute_ago)
    for name, refused in _wrong_passwords(scene.status).items():
        count = refused - before.get(name, 0)
        is_bad = True if count >= MOST_REFUSED else False if count <= 0 else None
        began = f"{name} was given a wrong password {count} times within a minute"
        yield Finding(is_bad, began, f"{name} is given no more wrong passwords", name, {"count": count})


def wrong_passwords(module: ModuleStatus) -> int:
    """All that were given to ``module``."""
    return module.wrong_passwords + (module.listeners.refused_password if module.listeners else 0)


def _wrong_passwords(status: InstanceStatus) -> dict[str, int]:
    """By who was given them."""
    found = {module.name: wrong_passwords(module) for module in (*status.inputs, *status.outputs)}
    return {**found, "admin": status.refused_admin_passwords}


def _names(modules: list[ModuleStatus]) -> str:
    return ", ".join(module.name for module in modules) or "any input"


def _listeners(status: InstanceStatus) -> int:
    return sum(output.listeners.connected for output in status.outputs if output.listeners)
