"""What people read of a link."""

from __future__ import annotations

from dataclasses import asdict, replace
from json import dumps

from distreamer.measure.delay_advice import advise
from distreamer.measure.link_notes import CarrierFigures, RoundTrips
from distreamer.measure.link_report import CarrierReport, LinkReport

MOST_LINES = 25
FIGURES = CarrierFigures(RoundTrips(0.041, 0.045, 0.12, 85), 0.005, 812, 3.2, 0.4, 1, 640_000.0, 128_000.0)
QUIC = CarrierReport("QUIC (UDP)", is_tried=True, fault="", figures=FIGURES)
TCP = CarrierReport("TCP", is_tried=True, fault="no answer within 3 s", figures=None)
REPORT = LinkReport("pc-a:7080", "DiStreamer/3.0.0", 60.0, "128 kbit/s MP3", 5.0, True, QUIC, TCP, advise(3.2, 60, 5.0))


def text(report: LinkReport) -> str:
    return "\n".join(report.lines())


def test_all_of_it() -> None:
    assert text(REPORT).splitlines() == [
        "link       pc-a:7080: DiStreamer/3.0.0, looked at for 60 s",
        "QUIC (UDP) works; round trip 41 ms at best, 45 mostly, 120 at worst (99 of 100)",
        "           longest silence 3.2 s; 0.5% of 812 packets lost on the way here; broke once",
        "TCP        does not get through: no answer within 3 s",
        "programme  128 kbit/s MP3, over QUIC; the latest piece came 0.4 s late",
        "headroom   what was held there came 5.0 times as fast as it plays",
        "DELAY      the worst gap in 60 s was 3.2 s: DELAY = 15 bridges 4 times that",
        "           look again in the evening, and longer (--seconds 3600): links are worst when all use them",
    ]


def test_without_quic() -> None:
    tcp = CarrierReport("TCP", is_tried=True, fault="", figures=replace(FIGURES, loss=None, breaks=0))
    quic = CarrierReport("QUIC (UDP)", is_tried=True, fault="no answer", figures=None)
    said = text(replace(REPORT, quic=quic, tcp=tcp, is_over_quic=False, format="", headroom=None))
    assert "let UDP through" in said
    assert "packets" not in said.replace("bears lost packets best", "")
    assert "none is on air there now" in said


def test_one_that_is_not_tried() -> None:
    quic = CarrierReport("QUIC (UDP)", is_tried=False, fault="it does not go through PROXY", figures=None)
    said = text(replace(REPORT, quic=quic, tcp=replace(QUIC, name="TCP"), is_over_quic=False))
    assert "QUIC (UDP) not tried: it does not go through PROXY" in said
    assert "let UDP through" not in said


def test_the_longest_report_is_short_and_is_json() -> None:
    report = replace(REPORT, tcp=replace(QUIC, name="TCP"), advice=advise(200, 60, 1.0, configured_seconds=5))
    assert len(list(report.lines())) < MOST_LINES
    assert '"delay_seconds": 120' in dumps(asdict(report))


def test_a_loopback_needs_no_exact_number() -> None:
    assert "more than 50 times" in text(replace(REPORT, headroom=1770.0))
