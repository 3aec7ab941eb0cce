"""Makes docs/reference/metrics.md from the table of metrics, so that they cannot disagree."""

from __future__ import annotations

from distreamer.admin.metrics import BUILD, BUILD_MEANING, METRICS, NAME
from distreamer.runtime.link_book import MOST_LINKS, MOST_PATHS

PAGE = "metrics.md"

_TEXT = f"""\
# Metrics

This page is made by `make reference`; change the tables in `admin/programme_metrics.py`, `admin/level_metrics.py` and
`admin/part_metrics.py`, not the page.

`/metrics` at ADMIN of [`[GENERAL]`](general.md) gives these to Prometheus, for all instances that name that address.
Each has the label `{NAME}`, the instance's NAME. `module` is an input or output as the status calls it (`input`,
`output studio`), `link` the address of the other side, `path` which of several paths it is, empty for a single one: at
most {MOST_LINKS} of an instance, {MOST_PATHS} paths of a module to one address, and only those that are up, or were so
within the last hours. What is not known has no sample. Counters count since the instance's start.

[examples/monitoring](../../examples/monitoring/README.md) has alert rules and a dashboard for Grafana.
"""


def metrics_page() -> str:
    """The page in Markdown."""
    lines = [_TEXT, "| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| `{row.exposed_name}` | {row.kind} | {row.unit} | {_labels(row.labels)} | {row.meaning} |" for row in METRICS
    ]
    lines += [f"| `{BUILD}` | gauge | 1 | `version`, no `{NAME}` | {BUILD_MEANING} |"]
    return "\n".join(lines) + "\n"


def _labels(labels: tuple[str, ...]) -> str:
    return ", ".join(f"`{label}`" for label in labels)
