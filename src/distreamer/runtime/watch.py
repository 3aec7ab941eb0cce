"""Tells what begins and what ends, by comparing snapshots with the table of rows. Pure; snapshots bring the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from distreamer.model.event import Event, Problem, Severity
from distreamer.model.status import InstanceStatus
from distreamer.runtime.event_looks import Finding, Scene
from distreamer.runtime.event_rows import ROWS, Row
from distreamer.runtime.link_book import LinkBook
from distreamer.units import spoken_seconds

WINDOW_SECONDS = 60.0
MOST_SUBJECTS = 200
"""Of all rows together; there are no more than some links and modules. Further ones are not watched."""


@dataclass(eq=False, slots=True)
class _Case:
    """One row and one subject, from the first bad look on."""

    row: Row
    finding: Finding
    """The last bad one."""
    bad_since: float
    began_at: float
    """The same in Unix time."""
    fine_since: float | None = None
    is_told: bool = False


@dataclass(eq=False, slots=True)
class Watch:
    """Of one instance; ``look`` is called once a second."""

    rows: Sequence[Row] = ROWS
    links: LinkBook = field(default_factory=LinkBook)
    _window: deque[InstanceStatus] = field(default_factory=lambda: deque(maxlen=round(WINDOW_SECONDS) + 2))
    _cases: dict[tuple[str, str], _Case] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What has begun, was told, and has not ended."""
        return tuple(
            Problem(case.row.begins, case.row.severity, case.finding.began, case.finding.subject, case.began_at)
            for case in self._cases.values()
            if case.is_told
        )

    def complete(self, status: InstanceStatus) -> InstanceStatus:
        """``status`` with what only a watcher knows: the problems and the histories of the links."""
        return replace(
            status,
            inputs=tuple(map(self.links.with_history, status.inputs)),
            outputs=tuple(map(self.links.with_history, status.outputs)),
            problems=self.problems,
        )

    def look(self, status: InstanceStatus, budget_warn_seconds: float, silence_seconds: float = 0.0) -> list[Event]:
        """What the next snapshot tells; ``budget_warn_seconds`` is BUDGETWARN, ``silence_seconds`` SILENCESECONDS, each
        0 for none."""
        self.links.look(status)
        before = self._window[-1] if self._window else None
        self._window.append(status)
        while len(self._window) > 1 and status.uptime_seconds - self._window[1].uptime_seconds >= WINDOW_SECONDS:
            self._window.popleft()
        scene = Scene(status, before, self._window[0], tuple(self.links.links), budget_warn_seconds, silence_seconds)
        events: list[Event] = []
        for row in self.rows:
            found = {finding.subject: finding for finding in row.look(scene)}
            events += [event for finding in found.values() for event in self._judge(row, finding, status)]
            for key, case in tuple(self._cases.items()):
                if case.row is row and key[1] not in found:
                    del self._cases[key]
                    if case.is_told:
                        what = case.finding.subject or "it"
                        events.append(_ended(case, f"{what} is not watched any more", status.uptime_seconds, status))
        return events

    def _judge(self, row: Row, finding: Finding, status: InstanceStatus) -> list[Event]:
        now, key = status.uptime_seconds, (row.begins, finding.subject)
        case = self._cases.get(key)
        if finding.is_bad is None:
            if case is not None:
                case.fine_since = None
            return []
        if finding.is_bad:
            if case is None:
                if len(self._cases) >= MOST_SUBJECTS:
                    return []
                already = finding.bad_seconds
                self._cases[key] = case = _Case(row, finding, now - already, status.at - already)
            case.finding, case.fine_since = finding, None
            if case.is_told or now - case.bad_since < row.hold_seconds:
                return []
            case.is_told = True
            return [_began(case, status)]
        if case is None:
            return []
        if not case.is_told:
            del self._cases[key]
            return []
        if case.fine_since is None:
            case.fine_since = now
        if now - case.fine_since < row.clear_seconds:
            return []
        del self._cases[key]
        return [_ended(case, finding.ended, case.fine_since, status, finding)]


def _began(case: _Case, status: InstanceStatus) -> Event:
    row, finding = case.row, case.finding
    return Event(row.begins, status.at, status.name, row.severity, finding.began, finding.subject, facts=finding.facts)


def _ended(
    case: _Case, sentence: str, ended_at: float, status: InstanceStatus, finding: Finding | None = None
) -> Event:
    lasted = max(ended_at - case.bad_since, 0.0)
    return Event(
        case.row.ends,
        status.at,
        status.name,
        Severity.INFO,
        f"{sentence} (after {spoken_seconds(lasted)})",
        case.finding.subject,
        resolves=case.row.begins,
        lasted_seconds=round(lasted, 1),
        facts=finding.facts if finding else {},
    )
