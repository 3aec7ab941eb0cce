"""Makes docs/reference/events.md from the table of events, so that they cannot disagree."""

from __future__ import annotations

from distreamer.runtime.event_book import MOST_EVENTS
from distreamer.runtime.event_rows import ROWS, TEST_KIND, Row
from distreamer.units import spoken_seconds

PAGE = "events.md"

_TEXT = f"""\
# Events

This page is made by `make reference`; change the table in `runtime/event_rows.py`, not the page.

Once a second each instance compares how it is with how it was. What begins, and what ends, is an event. It is told when
it has been so for a while: what is over at once is not told, and what is better for a moment has not ended. The last
{MOST_EVENTS} of an instance are kept, and [alerts](../alerts.md) tell them to people and programs; with EVENTLOG in
[`[GENERAL]`](general.md) each is also a line of JSON in a file, here in several:

```json
{{"time": "2026-11-23T12:00:00.000Z", "kind": "link_up", "at": 1795435200.0, "instance": "transmitter",
 "severity": "info", "sentence": "the link to studio.example:7080 is up (after 22 s)",
 "subject": "input studio.example:7080", "resolves": "link_down", "lasted_seconds": 22.0,
 "facts": {{"module": "input", "peer": "studio.example:7080", "carrier": "quic"}}, "number": 1795435100123}}
```

`at` is Unix time. `subject` says what of the instance it is about, and is the same in both events of a pair. `resolves`
is the kind of event that ends with this one, and empty when something begins. `facts` are the numbers behind the
sentence; there may be more of them in later versions. `number` rises from event to event.
"""


def events_page() -> str:
    """The page in Markdown."""
    lines = [_TEXT, "| begins | when it was so for | ends | when it was fine for | severity |", "|---|---|---|---|---|"]
    lines += [
        f"| [`{row.begins}`](#{row.begins}) | {row.hold_key or _seconds(row.hold_seconds)} | `{row.ends}` | "
        f"{_seconds(row.clear_seconds)} | {row.severity.value} |"
        for row in ROWS
    ]
    for row in ROWS:
        lines += ["", *_section(row)]
    lines += ["", f"## {TEST_KIND}", "", "Somebody tries whether alerts arrive. Nothing ends with it.", ""]
    return "\n".join(lines)


def _section(row: Row) -> list[str]:
    return [f"## {row.begins}", "", f"{row.meaning} It ends with `{row.ends}`."]


def _seconds(seconds: float) -> str:
    return spoken_seconds(seconds) if seconds else "at once"
