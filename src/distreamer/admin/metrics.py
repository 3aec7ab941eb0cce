"""/metrics for Prometheus: made of snapshots at the moment at which it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from distreamer import __version__
from distreamer.admin.alert_metrics import ALERT_METRICS
from distreamer.admin.level_metrics import LEVEL_METRICS
from distreamer.admin.metric import Source
from distreamer.admin.part_metrics import PART_METRICS
from distreamer.admin.programme_metrics import PROGRAMME_METRICS

TEXT = "text/plain; version=0.0.4; charset=utf-8"
METRICS = (*PROGRAMME_METRICS, *LEVEL_METRICS, *PART_METRICS, *ALERT_METRICS)
NAME = "name"
"""The label of the instance's name: Prometheus itself calls what it asks ``instance``."""
READY = "distreamer_instance_ready"
BUILD = "distreamer_build_info"
BUILD_MEANING = "Always 1; the version of DiStreamer is in the label."


def exposition(
    sources: Callable[[], Sequence[Source]], accept: str, absent: Callable[[], Sequence[str]] = tuple
) -> tuple[bytes, str]:
    """The metrics, and their content type, in a form that ``accept`` names. Of instances that are ``absent`` nothing is
    known but that no audio goes out of them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshots(sources, absent))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Snapshots(Collector):
    def __init__(self, sources: Callable[[], Sequence[Source]], absent: Callable[[], Sequence[str]]) -> None:
        self._sources = sources
        self._absent = absent

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(BUILD, BUILD_MEANING, labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        sources = self._sources()
        for row in METRICS:
            family: CounterMetricFamily | GaugeMetricFamily
            labels = [NAME, *row.labels]
            if row.kind == "counter":
                family = CounterMetricFamily(row.name, row.meaning, labels=labels)
            else:
                family = GaugeMetricFamily(row.name, row.meaning, labels=labels)
            for source in sources:
                for values, number in row.samples(source):
                    if number is not None:
                        family.add_metric([source.status.name, *values], number)
            for name in self._absent() if row.name == READY else ():
                family.add_metric([name], 0)
            yield family
