"""/metrics, as Prometheus reads it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from distreamer.admin.metric import Source
from distreamer.admin.metrics import BUILD, METRICS, exposition
from distreamer.model.status import InstanceStatus, LevelMethod, LevelStatus
from distreamer.runtime.link_book import MOST_LINKS
from tests.support.admin_client import operating
from tests.support.watching import INPUT, LINK, STORE, TRANSMITTER, Watching, full_status

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/monitoring"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(*sources: Source) -> Samples:
    text, content_type = exposition(lambda: sources, "")
    assert content_type.startswith("text/plain; version=0.0.4")
    found: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} comes twice"
            found[key] = sample.value
    return found


def of(samples: Samples, name: str) -> dict[str, float]:
    """By the labels beside the instance's name."""
    return {
        " ".join(value for label, value in labels if label != "name"): number
        for (metric, labels), number in samples.items()
        if metric == name
    }


def test_a_status_becomes_numbers() -> None:
    samples = samples_of(Source(full_status(), {"link_down": 4}))
    assert of(samples, "distreamer_playout_state") == {"waiting": 0, "playing": 0, "dry": 1}
    assert of(samples, "distreamer_filler_on_air") == {"": 1}
    assert of(samples, "distreamer_instance_ready") == {"": 0}
    assert of(samples, "distreamer_outage_budget_seconds") == {"": 24.5}
    assert of(samples, "distreamer_playout_behind_seconds") == {"": 31.0}
    assert of(samples, "distreamer_input_on_air") == {"input": 1, "input b": 0}
    assert of(samples, "distreamer_input_preferred") == {"input": 1, "input b": 0}
    assert of(samples, "distreamer_module_restarts_total")["DiStreamerClient input"] == 3
    assert of(samples, "distreamer_link_up") == {"studio.example:7080 input ": 1}
    assert of(samples, "distreamer_link_carries") == {"studio.example:7080 input ": 1}
    assert of(samples, "distreamer_link_round_trip_seconds") == {"studio.example:7080 input ": 0.04}
    assert of(samples, "distreamer_link_day_heard_seconds") == {"studio.example:7080 input ": 0}
    assert of(samples, "distreamer_passwords_refused_total") == {"input": 2, "input b": 0, "output": 4}
    assert of(samples, "distreamer_spool_works") == {"": 1}
    assert of(samples, "distreamer_spool_bytes") == {"": 4_900_000}
    assert of(samples, "distreamer_spool_fragments_written_total") == {"": 299}
    assert of(samples, "distreamer_spool_fragments_unwritten_total") == {"": 1}
    assert of(samples, "distreamer_audio_level_dbfs") == {"left": -20.5, "right": -21.5}
    assert of(samples, "distreamer_audio_peak_dbfs") == {"": -8.0}
    assert of(samples, "distreamer_audio_decoded") == {"": 1}
    assert of(samples, "distreamer_audio_measurements_skipped_total") == {"": 3}
    assert of(samples, "distreamer_silence_seconds") == {"": 12.5}
    assert of(samples, "distreamer_listeners") == {"output": 3}
    assert of(samples, "distreamer_listeners_refused_total") == {
        "output full": 1,
        "output address": 0,
        "output connections": 0,
    }
    assert of(samples, "distreamer_alert_working") == {"alert Mail": 1, "alert b Command": 0}
    assert of(samples, "distreamer_alert_messages_waiting") == {"alert Mail": 0, "alert b Command": 4}
    assert of(samples, "distreamer_alert_messages_delivered_total") == {"alert Mail": 5, "alert b Command": 0}
    assert of(samples, "distreamer_alert_messages_failed_total") == {"alert Mail": 0, "alert b Command": 2}
    assert of(samples, "distreamer_alert_messages_dropped_total") == {"alert Mail": 0, "alert b Command": 3}
    assert of(samples, "distreamer_alert_problems_held_back_total") == {"alert Mail": 6, "alert b Command": 0}
    assert of(samples, "distreamer_events_total")["link_down"] == 4
    assert of(samples, "distreamer_problem_active")["filler_on_air"] == 1
    assert of(samples, "distreamer_audio_added_bytes_total") == {"": 4_800_000}


def test_every_row_is_shown_with_its_labels() -> None:
    samples = samples_of(Source(full_status(), {}))
    for row in METRICS:
        labels = {tuple(label for label, _ in labels) for name, labels in samples if name == row.exposed_name}
        assert labels == {tuple(sorted(["name", *row.labels]))}, row.name
    assert {name for name, _ in samples} == {row.exposed_name for row in METRICS} | {BUILD}


def test_names_say_their_unit() -> None:
    for row in METRICS:
        assert re.fullmatch(r"distreamer_[a-z]+(_[a-z]+)*", row.name)
        assert not row.name.endswith(("_total", "_count", "_info"))
        if row.unit in {"seconds", "bytes"}:
            assert row.name.endswith(f"_{row.unit}"), row.name
    assert len({row.name for row in METRICS}) == len(METRICS)


def test_what_is_not_known_has_no_sample() -> None:
    empty = InstanceStatus("studio", 1e9, 1.0, (), (), replace(STORE, info=None, newest_age_seconds=None), None)
    samples = samples_of(Source(empty, {}))
    assert of(samples, "distreamer_instance_ready") == {"": 0}
    for name in ("outage_budget_seconds", "source_silent_seconds", "source_declared_bytes_per_second", "playout_state"):
        assert of(samples, f"distreamer_{name}") == {}


def test_an_estimated_level_is_told_as_far_as_it_is_known() -> None:
    levels = LevelStatus(LevelMethod.ESTIMATED, None, None, None, silent_seconds=0.0)
    samples = samples_of(Source(replace(full_status(), levels=levels), {}))
    assert of(samples, "distreamer_audio_level_dbfs") == of(samples, "distreamer_audio_peak_dbfs") == {}
    assert of(samples, "distreamer_audio_decoded") == of(samples, "distreamer_silence_seconds") == {"": 0}


def test_instances_stand_side_by_side_and_strange_names_are_escaped() -> None:
    status = full_status()
    other = replace(status, name='über "b"\\\n')
    found = [
        dict(labels).get("name")
        for name, labels in samples_of(Source(status, {}), Source(other, {}))
        if name == "distreamer_instance_ready"
    ]
    assert found == ["transmitter", 'über "b"\\\n']


def test_links_are_bounded_and_those_at_one_address_are_one() -> None:
    links = tuple(replace(LINK, peer=f"192.0.2.{number}") for number in range(100))
    watching = Watching(
        replace(TRANSMITTER, inputs=(replace(INPUT, links=(*links, replace(links[0], connected=False))),))
    )
    watching.show(3)
    up = of(samples_of(Source(watching.complete(), {})), "distreamer_link_up")
    assert len(up) == MOST_LINKS
    assert set(up.values()) == {1}


def test_each_path_has_numbers_of_its_own() -> None:
    wired, mobile = (replace(LINK, path=f"via {name} to studio.example:7080") for name in ("eth0", "wwan0"))
    watching = Watching(replace(TRANSMITTER, inputs=(replace(INPUT, links=(wired, replace(mobile, carries=False))),)))
    watching.show(3)
    watching.show(3, inputs=(replace(INPUT, links=(replace(wired, connected=False), mobile)),))
    samples = samples_of(Source(watching.complete(), {}))
    via_wired, via_mobile = (f"studio.example:7080 input {link.path}" for link in (wired, mobile))
    assert of(samples, "distreamer_link_up") == {via_wired: 0, via_mobile: 1}
    assert of(samples, "distreamer_link_carries") == {via_wired: 0, via_mobile: 1}
    assert of(samples, "distreamer_link_reached") == {via_wired: 1, via_mobile: 1}


def test_the_other_form_of_prometheus_is_given_when_it_is_asked_for() -> None:
    text, content_type = exposition(lambda: [Source(full_status(), {})], "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics_families(text.decode())}  # type: ignore[no-untyped-call]
    assert {row.name for row in METRICS} <= names


async def test_a_server_gives_them() -> None:
    async with operating() as operator:
        answer = await operator.ask("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = {family.name for family in text_string_to_metric_families(answer.body.decode())}
        assert {"distreamer_instance_ready", "distreamer_listeners"} <= families


async def test_an_instance_that_a_defect_ended_is_not_ready() -> None:
    async with operating() as operator:
        operator.members[0].instance = None
        answer = await operator.ask("/metrics")
        lines = [line for line in answer.body.decode().splitlines() if 'name="station"' in line]
        assert lines == ['distreamer_instance_ready{name="station"} 0.0']


def expressions() -> list[str]:
    rules = yaml.safe_load((EXAMPLES / "alerts.yml").read_text(encoding="utf-8"))
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    found += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    found += [variable["query"] for variable in dashboard["templating"]["list"]]
    return found


@pytest.mark.parametrize("expression", expressions())
def test_the_examples_ask_for_metrics_and_labels_that_there_are(expression: str) -> None:
    labels = {row.exposed_name: {"name", *row.labels} for row in METRICS}
    for name in re.findall(r"distreamer_\w+", expression):
        assert name in labels
        for label in re.findall(rf"{name}\{{(\w+)", expression):
            assert label in labels[name]


def test_the_dashboard_shows_labels_that_there_are() -> None:
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    labels = {row.exposed_name: {"name", *row.labels} for row in METRICS}
    places = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        places.add((place["x"], place["y"]))
        for target in panel["targets"]:
            (name, *_) = re.findall(r"distreamer_\w+", target["expr"])
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels[name]
    assert len(places) == len(dashboard["panels"])
