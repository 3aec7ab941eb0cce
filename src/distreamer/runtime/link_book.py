"""Keeps the last 24 hours of each link of an instance, by comparing snapshots. Pure; the snapshots bring the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from distreamer.config.wording import printable
from distreamer.model.link_history import MOST_SLOTS, SLOT_SECONDS, LinkHistory, LinkSlot
from distreamer.model.status import InstanceStatus, LinkStatus, ModuleStatus, PlayoutState
from distreamer.runtime.plain_words import who

MOST_LINKS = 32
"""Of an instance; further ones are not watched."""
MOST_PATHS = 8
"""The same, of a module to one address: the names of paths are the other side's."""
FORGOTTEN_SECONDS = 3600.0
"""A link of which its module says nothing any more is down for so long, then forgotten."""
REPLACED_SECONDS = 300.0
"""The same, of an input that tells of others instead: it has one far end, at another address or by other paths now."""
TOLD_SECONDS = 60.0
"""A far end that has said nothing better for so long after the link's return has other troubles."""
LONGEST_LOOK_SECONDS = 10.0
"""Between two looks. What is longer was not watched: the machine slept."""


def link_name(module: str, link: LinkStatus) -> str:
    """What a link is called: ``output studio 192.0.2.7``, ``input via wwan0 to studio.example:7080``."""
    return f"{module} {printable(who(link))}"


@dataclass(eq=False, slots=True)
class WatchedLink:
    """A link, or one of several paths, and what became of it."""

    name: str
    """As it was called first: the address of a path may change."""
    module: str
    status: LinkStatus
    """As its module said it last."""
    is_input: bool
    told_at: float
    """When that was, on the instance's clock."""
    changed_at: float
    """When it came up or went down."""
    party: str
    """Of a path: what it has in common with those that stand in for it."""
    is_up: bool = False
    was_ever_up: bool = False
    is_reached: bool = False
    """Whether it is up, or another path that stands in for it."""
    reached_changed_at: float = 0.0
    """When that became so."""
    budget_at_cut: float | None = None
    """The far end's outage budget when that was last so; None when it did not say."""
    knows_heard: bool = False
    is_blamed: bool = False
    """Whether listeners are without programme since a moment when the link was down, and no path stood in for it."""
    told_cuts: int = 0
    """Those that its module has counted since the link is watched …"""
    seen_cuts: int = 0
    """… and those that the looks have seen: modules of the old wires count none, and a look misses short ones."""
    written_cuts: int = 0
    """Those that stand in slots."""
    history: LinkHistory | None = None
    """As the last look has left it; None until somebody asks."""
    slots: deque[LinkSlot] = field(default_factory=lambda: deque(maxlen=MOST_SLOTS))


class LinkBook:
    """Made with the instance; ``look`` is called once a second."""

    def __init__(self) -> None:
        self.unwatched = 0
        """Links that are not watched, because there are MOST_LINKS."""
        self._links: dict[str, WatchedLink] = {}
        self._before: InstanceStatus | None = None

    @property
    def links(self) -> Iterable[WatchedLink]:
        """Those that are known, in the order in which they were first seen."""
        return self._links.values()

    def look(self, status: InstanceStatus) -> None:
        """Takes the next snapshot; time in it must not go back, but for the wall clock."""
        now, before = status.uptime_seconds, self._before
        self._before = status
        passed = now - before.uptime_seconds if before else 0.0
        if passed > LONGEST_LOOK_SECONDS:
            passed = 0.0
        found = _links_of(status)
        remembered = {module.name: FORGOTTEN_SECONDS for module in (*status.inputs, *status.outputs)}
        remembered |= {module.name: REPLACED_SECONDS for module in status.inputs if module.links}
        for name, (module, told) in found.items():
            known = self._links.get(name) or self._moved(name, module.name, told, found)
            if known is not None:
                known.told_cuts += max(told.cuts - known.status.cuts, 0)
                known.status, known.told_at = told, now
            elif self._has_room(module.name, told):
                link = WatchedLink(name, module.name, told, module in status.inputs, now, now, told.party)
                link.is_up = link.is_reached = told.connected
                link.reached_changed_at = now
                self._links[name] = link
        self.unwatched = len(found.keys() - self._links.keys())
        for name, link in tuple(self._links.items()):
            if now - link.told_at > remembered.get(link.module, -1.0):
                del self._links[name]
                continue
            self._follow(link, name in found and link.status.connected, status, passed)
        for link in self._links.values():
            self._stand_in(link, status)
            self._hear(link, status, before, passed)

    def with_history(self, module: ModuleStatus) -> ModuleStatus:
        """``module`` with the histories of its links."""
        if not module.links:
            return module
        return replace(module, links=tuple(self._told(module.name, link) for link in module.links))

    # -- inside

    def _has_room(self, module: str, told: LinkStatus) -> bool:
        if len(self._links) >= MOST_LINKS:
            return False
        known = [link for link in self._links.values() if link.module == module and link.status.peer == told.peer]
        return not told.path or sum(bool(link.status.path) for link in known) < MOST_PATHS

    def _moved(
        self, name: str, module: str, told: LinkStatus, found: Mapping[str, tuple[ModuleStatus, LinkStatus]]
    ) -> WatchedLink | None:
        """The path that is called ``name`` now, if its address was another one: lines that are paid by volume get a new
        one each time."""
        for before, link in self._links.items():
            is_same = (link.module, link.status.path, link.party) == (module, told.path, told.party)
            if is_same and told.path and before not in found:
                # In its place: the first of a party speaks for it.
                self._links = {name if one == before else one: known for one, known in self._links.items()}
                return link
        return None

    def _follow(self, link: WatchedLink, is_up: bool, status: InstanceStatus, passed: float) -> None:
        now = status.uptime_seconds
        link.history = None
        was_up, link.is_up = link.is_up, is_up
        # What has yet to come up for the first time was not cut.
        outage = now - link.changed_at if link.was_ever_up and not was_up else 0.0
        link.was_ever_up |= is_up
        if was_up is not is_up:
            link.changed_at = now
            link.seen_cuts += was_up
        if is_up and link.party != link.status.party:
            self._adopt(link)
        cuts = max(link.seen_cuts, link.told_cuts)
        slot = self._slot(link, status.at)
        link.slots[-1] = replace(
            slot,
            watched_seconds=slot.watched_seconds + passed,
            down_seconds=slot.down_seconds + (0.0 if is_up else passed),
            cuts=slot.cuts + cuts - link.written_cuts,
            longest_seconds=max(slot.longest_seconds, outage),
        )
        link.written_cuts = cuts

    def _adopt(self, link: WatchedLink) -> None:
        """Who dials was started anew, and calls its paths another party: those that have yet to come are of it too."""
        before, link.party = link.party, link.status.party
        for other in self._links.values():
            if other.status.path and (other.module, other.party) == (link.module, before) and not other.is_up:
                other.party = link.party

    def _stand_in(self, link: WatchedLink, status: InstanceStatus) -> None:
        """Whether a path that is down matters."""
        up = [link.status] if link.is_up else []
        if link.status.path:
            # All that are told, also those that are not watched.
            up += [
                one
                for module in (*status.inputs, *status.outputs)
                if module.name == link.module
                for one in module.links
                if one.connected and one.path and one.party == link.party
            ]
        if bool(up) is not link.is_reached:
            link.is_reached, link.reached_changed_at = bool(up), status.uptime_seconds
        if up:
            budgets = [one.peer_budget_seconds for one in up if one.peer_budget_seconds is not None]
            link.budget_at_cut = max(budgets, default=None)

    @staticmethod
    def _hear(link: WatchedLink, status: InstanceStatus, before: InstanceStatus | None, passed: float) -> None:
        slot = link.slots[-1]
        link.slots[-1] = replace(slot, heard_seconds=slot.heard_seconds + _heard(link, status, before, passed))

    @staticmethod
    def _slot(link: WatchedLink, at: float) -> LinkSlot:
        """The slot of the moment ``at``, which stands last; the oldest are dropped by their age."""
        begin = at // SLOT_SECONDS * SLOT_SECONDS
        if not link.slots or begin > link.slots[-1].at:
            link.slots.append(LinkSlot(begin))
        while link.slots[0].at <= begin - MOST_SLOTS * SLOT_SECONDS:
            link.slots.popleft()
        return link.slots[-1]

    def _told(self, module: str, status: LinkStatus) -> LinkStatus:
        link = self._links.get(link_name(module, status))
        if link is None or self._before is None:
            return status
        if link.history is None:
            link.history = self._history(link)
        return replace(status, history=link.history)

    def _history(self, link: WatchedLink) -> LinkHistory:
        assert self._before is not None, "nothing was seen yet"
        since = self._before.uptime_seconds - link.changed_at
        slots = tuple(link.slots)
        return LinkHistory(
            is_up=link.is_up,
            is_reached=link.is_reached,
            up_seconds=since if link.is_up else 0.0,
            down_seconds=0.0 if link.is_up else since,
            watched_day_seconds=sum(slot.watched_seconds for slot in slots),
            down_day_seconds=sum(slot.down_seconds for slot in slots),
            cuts_day=sum(slot.cuts for slot in slots),
            longest_day_seconds=max((slot.longest_seconds for slot in slots), default=0.0),
            heard_day_seconds=sum(slot.heard_seconds for slot in slots) if link.knows_heard else None,
            slots=slots,
        )


def _heard(link: WatchedLink, status: InstanceStatus, before: InstanceStatus | None, passed: float) -> float:
    """Seconds since the last look for which the link left listeners without programme."""
    if not link.is_input:
        return _heard_there(link, status.uptime_seconds, passed)
    playout = status.playout
    if playout is None:
        return 0.0
    link.knows_heard = True
    dry = playout.dry_seconds - before.playout.dry_seconds if before and before.playout else 0.0
    is_dry = playout.state is PlayoutState.DRY
    # Who is without programme when the link returns stays so until the buffer is full again.
    link.is_blamed |= not link.is_reached and (is_dry or dry > 0)
    is_blamed = link.is_blamed
    link.is_blamed &= is_dry or not link.is_reached
    return dry if is_blamed else 0.0


def _heard_there(link: WatchedLink, now: float, passed: float) -> float:
    """The same at the far end, as far as it said what it holds: it is without programme when that is played, until it
    says that it holds something again."""
    budget, since = link.budget_at_cut, now - link.reached_changed_at
    link.knows_heard |= budget is not None
    if not link.is_reached:
        link.is_blamed |= budget is not None and since > budget
    elif (budget is not None and budget > 0) or since > TOLD_SECONDS:
        link.is_blamed = False
    return passed if link.is_blamed else 0.0


def _links_of(status: InstanceStatus) -> dict[str, tuple[ModuleStatus, LinkStatus]]:
    """Each by its name. Several at one address, and of the same path, count as one, which is up when one of them is."""
    found: dict[str, tuple[ModuleStatus, LinkStatus]] = {}
    for module in (*status.inputs, *status.outputs):
        for link in module.links:
            name = link_name(module.name, link)
            if name in found:
                other = found[name][1]
                link = replace(link if link.connected else other, cuts=link.cuts + other.cuts)
            found[name] = (module, link)
    return found
