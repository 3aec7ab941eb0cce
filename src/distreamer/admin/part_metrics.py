"""The metrics of inputs, outputs, links and listeners. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from distreamer.admin.metric import Metric, Sample, Source, of_inputs, of_links, of_listeners, of_modules
from distreamer.model.status import ModuleState
from distreamer.runtime.event_looks import wrong_passwords


def _refused(source: Source) -> Iterator[Sample]:
    for output in source.status.outputs:
        if output.listeners is not None:
            yield (output.name, "full"), output.listeners.refused_full
            yield (output.name, "address"), output.listeners.refused_per_address
            yield (output.name, "connections"), output.listeners.refused_connections


def _passwords(source: Source) -> Iterator[Sample]:
    for module in (*source.status.inputs, *source.status.outputs):
        yield (module.name,), wrong_passwords(module)


LINK: Final = ("module", "link", "path")
MODULE: Final = ("module",)
MODE: Final = ("module", "mode")

PART_METRICS: Final = (
    Metric(
        "distreamer_module_running",
        "gauge",
        "1 or 0",
        "Whether an input or output does its job.",
        MODE,
        of_modules(lambda module: float(module.state is ModuleState.RUNNING)),
    ),
    Metric(
        "distreamer_module_restarts",
        "counter",
        "times",
        "How often it failed, and was started again.",
        MODE,
        of_modules(lambda module: module.restarts),
    ),
    Metric(
        "distreamer_passwords_refused",
        "counter",
        "times",
        "Wrong passwords that were given to an input or output.",
        MODULE,
        _passwords,
    ),
    Metric(
        "distreamer_input_on_air",
        "gauge",
        "1 or 0",
        "Whether an input is the one on air.",
        MODULE,
        of_inputs(lambda rank, module: float(module.on_air)),
    ),
    Metric(
        "distreamer_input_preferred",
        "gauge",
        "1 or 0",
        "Whether an input is the one that ought to be on air.",
        MODULE,
        of_inputs(lambda rank, module: float(rank == 0)),
    ),
    Metric(
        "distreamer_link_up",
        "gauge",
        "1 or 0",
        "Whether a conversation with another DiStreamer, or with a server that is sent to, goes on.",
        LINK,
        of_links(lambda link: float(link.connected)),
    ),
    Metric(
        "distreamer_link_reached",
        "gauge",
        "1 or 0",
        "Whether the other side is reached, this way or by another path that stands in for it.",
        LINK,
        of_links(lambda link: float(link.history.is_reached) if link.history else None),
    ),
    Metric(
        "distreamer_link_carries",
        "gauge",
        "1 or 0",
        "Whether the programme comes, or goes, this way now: of several paths some may stand by.",
        LINK,
        of_links(lambda link: float(link.connected and link.carries)),
    ),
    Metric(
        "distreamer_link_round_trip_seconds",
        "gauge",
        "seconds",
        "How long a question and its answer take.",
        LINK,
        of_links(lambda link: link.rtt_seconds),
    ),
    Metric(
        "distreamer_link_silent_seconds",
        "gauge",
        "seconds",
        "How long the other side has said nothing.",
        LINK,
        of_links(lambda link: link.silent_seconds),
    ),
    Metric(
        "distreamer_link_outage_budget_seconds",
        "gauge",
        "seconds",
        "How long the link may be down before the far end's listeners hear it, as the far end says.",
        LINK,
        of_links(lambda link: link.peer_budget_seconds),
    ),
    Metric(
        "distreamer_link_fragments",
        "counter",
        "fragments",
        "Fragments carried.",
        LINK,
        of_links(lambda link: link.fragments),
    ),
    Metric(
        "distreamer_link_duplicates",
        "counter",
        "fragments",
        "Fragments received that were held already.",
        LINK,
        of_links(lambda link: link.duplicates),
    ),
    Metric(
        "distreamer_link_day_cuts",
        "gauge",
        "times",
        "How often it was cut in the last 24 hours.",
        LINK,
        of_links(lambda link: link.history.cuts_day if link.history else None),
    ),
    Metric(
        "distreamer_link_day_down_seconds",
        "gauge",
        "seconds",
        "For how long it was down in the last 24 hours.",
        LINK,
        of_links(lambda link: link.history.down_day_seconds if link.history else None),
    ),
    Metric(
        "distreamer_link_day_longest_seconds",
        "gauge",
        "seconds",
        "The longest outage of the last 24 hours.",
        LINK,
        of_links(lambda link: link.history.longest_day_seconds if link.history else None),
    ),
    Metric(
        "distreamer_link_day_heard_seconds",
        "gauge",
        "seconds",
        "For how long listeners were without programme because of it, in the last 24 hours.",
        LINK,
        of_links(lambda link: link.history.heard_day_seconds if link.history else None),
    ),
    Metric(
        "distreamer_listeners",
        "gauge",
        "listeners",
        "Players that listen now.",
        MODULE,
        of_listeners(lambda listeners: listeners.connected),
    ),
    Metric(
        "distreamer_listeners_unique",
        "gauge",
        "addresses",
        "The addresses that they have; in IPv6 the networks of 64 bits.",
        MODULE,
        of_listeners(lambda listeners: listeners.unique),
    ),
    Metric(
        "distreamer_listeners_served",
        "counter",
        "listeners",
        "Listeners that ever got audio.",
        MODULE,
        of_listeners(lambda listeners: listeners.served),
    ),
    Metric(
        "distreamer_listeners_moved_forward",
        "counter",
        "times",
        "How often a listener that was too slow lost audio.",
        MODULE,
        of_listeners(lambda listeners: listeners.moved_forward),
    ),
    Metric(
        "distreamer_listeners_cut_off",
        "counter",
        "listeners",
        "Listeners cut off because they took nothing, or far too little, for a minute.",
        MODULE,
        of_listeners(lambda listeners: listeners.cut_off),
    ),
    Metric(
        "distreamer_listeners_closed_without_audio",
        "counter",
        "listeners",
        "Listeners closed because there was no audio for TIMEOUT.",
        MODULE,
        of_listeners(lambda listeners: listeners.closed_without_audio),
    ),
    Metric(
        "distreamer_listeners_refused",
        "counter",
        "listeners",
        "Listeners refused: MAXLISTENERS (full), MAXPERADDRESS (address), too many that had yet to ask (connections).",
        ("module", "reason"),
        _refused,
    ),
)
