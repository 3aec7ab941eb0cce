"""What sources say about themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.ingest import SourceDescription
from distreamer.model.audio import Station
from distreamer.protocol.http1 import Headers
from distreamer.sessions.source_description import describe_source


def test_an_icecast_answer() -> None:
    headers = Headers(
        [
            ("Content-Type", "audio/mpeg"),
            ("ice-audio-info", "ice-samplerate=44100;ice-bitrate=128;ice-channels=2"),
            ("icy-br", "128"),
            ("icy-description", "All day"),
            ("icy-genre", "Various"),
            ("icy-name", "Caf\xe9"),
            ("icy-pub", "1"),
            ("icy-url", "http://a.example/"),
        ]
    )
    assert describe_source(headers, "cp1252") == SourceDescription(
        "audio/mpeg", 128_000, Station("Café", "All day", "Various", "http://a.example/", True)
    )


def test_ice_headers_and_the_charset() -> None:
    name = "Радио".encode("cp1251").decode("latin-1")
    headers = Headers([("Ice-Name", name), ("ice-public", "0")])
    assert describe_source(headers, "cp1251").station == Station("Радио", public=False)


def test_nothing_said() -> None:
    assert describe_source(Headers(), "cp1252") == SourceDescription()


@pytest.mark.parametrize(
    ("name", "value", "bitrate"),
    [
        ("icy-br", "128", 128_000),
        ("icy-br", "128,128", 128_000),
        ("icy-br", " 64 kbps", 64_000),
        ("icy-br", "128000", 128_000),
        ("icy-br", "0", 0),
        ("icy-br", "-1", 0),
        ("icy-br", "99999999999999", 0),
        ("icy-br", "Quality 5", 0),
        ("ice-bitrate", "96", 96_000),
        ("ice-audio-info", "bitrate=192;channels=2", 192_000),
        ("ice-audio-info", "ice-channels=2;ice-bitrate=Quality 0", 0),
    ],
)
def test_bitrates(name: str, value: str, bitrate: int) -> None:
    assert describe_source(Headers([(name, value)]), "cp1252").bitrate == bitrate


@pytest.mark.parametrize(("value", "public"), [("1", True), ("0", False), ("-1", None), ("", None), ("yes", None)])
def test_public(value: str, public: bool | None) -> None:
    assert describe_source(Headers([("icy-pub", value)]), "cp1252").station.public is public


NAMES = st.sampled_from(["icy-name", "icy-br", "ice-audio-info", "icy-pub", "content-type", "icy-url"])
VALUES = st.binary(max_size=40).map(lambda data: data.decode("latin-1"))


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_any_headers_are_taken(fields: list[tuple[str, str]]) -> None:
    assert 0 <= describe_source(Headers(fields), "cp1252").bitrate <= 10_000_000
