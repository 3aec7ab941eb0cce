"""The metrics of an instance as a whole: what arrives, what is held, what is played. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from distreamer.admin.looks import why_not_ready
from distreamer.admin.metric import Metric, Sample, Source, of_instance, of_playout, of_spool
from distreamer.model.status import InstanceStatus, PlayoutState
from distreamer.runtime.event_rows import ROWS
from distreamer.units import BITS_PER_BYTE


def _states(source: Source) -> Iterator[Sample]:
    if source.status.playout is not None:
        for state in PlayoutState:
            yield (state.value,), float(source.status.playout.state is state)


def _events(source: Source) -> Iterator[Sample]:
    for row in ROWS:
        for kind in (row.begins, row.ends):
            yield (kind,), source.events.get(kind, 0)


def _problems(source: Source) -> Iterator[Sample]:
    for row in ROWS:
        yield (row.begins,), sum(problem.kind == row.begins for problem in source.status.problems)


def _title_age(status: InstanceStatus) -> float | None:
    since = status.playout.title_heard_since if status.playout else status.store.title_sent_at
    return None if since is None else max(status.at - since, 0.0)


def _declared(status: InstanceStatus) -> float | None:
    info = status.store.info
    return info.format.bitrate / BITS_PER_BYTE if info and info.format.bitrate else None


PROGRAMME_METRICS: Final = (
    Metric(
        "distreamer_instance_ready",
        "gauge",
        "1 or 0",
        "Whether audio really goes out, as /ready says it.",
        (),
        of_instance(lambda status: float(not why_not_ready(status))),
    ),
    Metric(
        "distreamer_admin_passwords_refused",
        "counter",
        "times",
        "Wrong passwords that were given to ADMIN, which may serve several instances.",
        (),
        of_instance(lambda status: status.refused_admin_passwords),
    ),
    Metric(
        "distreamer_instance_uptime_seconds",
        "gauge",
        "seconds",
        "Since the instance was started.",
        (),
        of_instance(lambda status: status.uptime_seconds),
    ),
    Metric(
        "distreamer_problem_active",
        "gauge",
        "problems",
        "How many problems of a kind there are now: what began, was told as an event, and has not ended.",
        ("kind",),
        _problems,
    ),
    Metric("distreamer_events", "counter", "events", "Events by kind.", ("kind",), _events),
    Metric(
        "distreamer_outage_budget_seconds",
        "gauge",
        "seconds",
        "How long nothing may arrive before anyone hears it, where the instance plays.",
        (),
        of_playout(lambda playout: playout.budget_seconds),
    ),
    Metric(
        "distreamer_playout_delay_seconds",
        "gauge",
        "seconds",
        "What is to be kept between the newest audio and the listeners: DELAY.",
        (),
        of_playout(lambda playout: playout.delay_seconds),
    ),
    Metric(
        "distreamer_playout_behind_seconds",
        "gauge",
        "seconds",
        "How long ago what listeners hear now reached the source.",
        (),
        of_playout(lambda playout: playout.behind_seconds),
    ),
    Metric(
        "distreamer_playout_state",
        "gauge",
        "1 or 0",
        "1 for the state that it is in: waiting (the buffer fills), playing, dry (nothing is left).",
        ("state",),
        _states,
    ),
    Metric(
        "distreamer_playout_played_seconds",
        "counter",
        "seconds",
        "Programme that was played.",
        (),
        of_playout(lambda playout: playout.played_seconds),
    ),
    Metric(
        "distreamer_playout_dry_seconds",
        "counter",
        "seconds",
        "For how long listeners were left without programme.",
        (),
        of_playout(lambda playout: playout.dry_seconds),
    ),
    Metric(
        "distreamer_playout_dry",
        "counter",
        "times",
        "How often the buffer ran out.",
        (),
        of_playout(lambda playout: playout.dry_times),
    ),
    Metric(
        "distreamer_playout_skipped_seconds",
        "counter",
        "seconds",
        "Audio that was due and never came, or was left out to keep up.",
        (),
        of_playout(lambda playout: playout.skipped_seconds),
    ),
    Metric(
        "distreamer_filler_on_air",
        "gauge",
        "1 or 0",
        "Whether listeners hear filler instead of the programme.",
        (),
        of_playout(lambda playout: float(playout.is_filling)),
    ),
    Metric(
        "distreamer_buffer_seconds",
        "gauge",
        "seconds",
        "Audio that is held, played or not.",
        (),
        of_instance(lambda status: status.store.seconds),
    ),
    Metric(
        "distreamer_buffer_bytes",
        "gauge",
        "bytes",
        "The same in bytes.",
        (),
        of_instance(lambda status: status.store.size),
    ),
    Metric(
        "distreamer_source_silent_seconds",
        "gauge",
        "seconds",
        "Since anything arrived last; about a second when all is well.",
        (),
        of_instance(lambda status: status.store.newest_age_seconds),
    ),
    Metric(
        "distreamer_source_declared_bytes_per_second",
        "gauge",
        "bytes per second",
        "The bitrate as the source declares it: 16000 for 128 kbit/s.",
        (),
        of_instance(_declared),
    ),
    Metric(
        "distreamer_audio_added_seconds",
        "counter",
        "seconds",
        "Audio that arrived.",
        (),
        of_instance(lambda status: status.store.added_seconds),
    ),
    Metric(
        "distreamer_audio_added_bytes",
        "counter",
        "bytes",
        "The same in bytes; with the one above it gives the real bitrate.",
        (),
        of_instance(lambda status: status.store.added_size),
    ),
    Metric(
        "distreamer_fragments_added",
        "counter",
        "fragments",
        "Fragments that arrived.",
        (),
        of_instance(lambda status: status.store.added),
    ),
    Metric(
        "distreamer_fragments_duplicate",
        "counter",
        "fragments",
        "Fragments that came more than once.",
        (),
        of_instance(lambda status: status.store.duplicates),
    ),
    Metric(
        "distreamer_fragments_evicted",
        "counter",
        "fragments",
        "Fragments dropped because HISTORY, or the limit of size, was reached.",
        (),
        of_instance(lambda status: status.store.evicted),
    ),
    Metric(
        "distreamer_spool_works",
        "gauge",
        "1 or 0",
        "Whether the disk takes what is held, where there is a SPOOL; 0: everything goes on in memory alone.",
        (),
        of_spool(lambda spool: float(spool.works)),
    ),
    Metric(
        "distreamer_spool_bytes",
        "gauge",
        "bytes",
        "How much stands on the disk.",
        (),
        of_spool(lambda spool: spool.size),
    ),
    Metric(
        "distreamer_spool_fragments_written",
        "counter",
        "fragments",
        "Fragments that the disk was given.",
        (),
        of_spool(lambda spool: spool.written),
    ),
    Metric(
        "distreamer_spool_fragments_unwritten",
        "counter",
        "fragments",
        "Fragments that it did not take.",
        (),
        of_spool(lambda spool: spool.unwritten),
    ),
    Metric(
        "distreamer_title_age_seconds",
        "gauge",
        "seconds",
        "Since the title that is on air began: as heard, or, where nothing is played, as sent.",
        (),
        of_instance(_title_age),
    ),
)
