"""The figures of Icecast and of SHOUTcast's servers, read as their readers do."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo
from distreamer.protocol.listener_http import Answer
from distreamer.protocol.listener_replies import Reply
from distreamer.protocol.server_view import ListenerFacts, Refusal, ServerView
from tests.support.made_audio import INFO
from tests.support.player_requests import asked, told

STATION = Station("Radio <Ünder> & Co", "All of it", "talk", "http://radio.example/", public=True)
TITLE = "Žofie – <Ólafur>, & Co"
LISTENERS = [
    ListenerFacts(7, "203.0.113.5", "VLC/3.0.21 <&>", 61.9),
    ListenerFacts(9, "2001:db8::5", "", 0.2),
]
VIEW = ServerView(
    info=replace(INFO, station=STATION),
    base_url="https://radio.example",
    admin_password="häckme",
    connected=7,
    unique=5,
    peak=9,
    served=40,
    maximum=100,
    average_seconds=61.6,
    listeners=lambda: LISTENERS,
    at=1_800_000_100.0,
    started_at=1_800_000_000.0,
    stream_began_at=1_800_000_040.7,
    title=lambda: TITLE,
    title_heard_since=lambda: 1_800_000_090.2,
)
SILENT = replace(VIEW, info=None, title=str)


def page(path: str, view: ServerView = VIEW, *fields: str) -> bytes:
    head, body = told(asked(view, path, *fields))
    assert head.status == 200
    assert head.headers.get("content-length") == str(len(body))
    return body


def status(path: str = "/status-json.xsl", view: ServerView = VIEW) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page(path, view))["icestats"]
    return found


def texts(element: ElementTree.Element) -> dict[str, str]:
    return {child.tag: child.text or "" for child in element if not len(child)}


def test_icecast_s_status() -> None:
    found = status()
    assert found["server_id"].startswith("Icecast 2.4.4")
    assert (found["host"], found["server_start_iso8601"]) == ("radio.example", "2027-01-15T08:00:00+0000")
    assert found["source"] == {
        "bitrate": 128,
        "channels": 2,
        "genre": "talk",
        "listener_peak": 9,
        "listeners": 7,
        "listenurl": "https://radio.example/stream.mp3",
        "samplerate": 44100,
        "server_description": "All of it",
        "server_name": STATION.name,
        "server_type": "audio/mpeg",
        "server_url": "http://radio.example/",
        "stream_start": "Fri, 15 Jan 2027 08:00:40 +0000",
        "stream_start_iso8601": "2027-01-15T08:00:40+0000",
        "title": TITLE,
        "title_heard_since_iso8601": "2027-01-15T08:01:30+0000",
    }


def test_a_title_that_nobody_knows_the_time_of_has_none() -> None:
    assert "title_heard_since_iso8601" not in status(view=replace(VIEW, title_heard_since=lambda: None))["source"]


def test_the_type_of_a_stream_in_ogg_is_that_of_its_container() -> None:
    opus = StreamInfo(AudioFormat(Codec.OPUS, 48000, 48000, 2, content_type="audio/ogg"))
    source = status(view=replace(VIEW, info=opus))["source"]
    assert (source["server_type"], source["listenurl"]) == ("application/ogg", "https://radio.example/stream.opus")


def test_the_source_is_absent_or_an_object_and_an_array_for_those_who_ask() -> None:
    assert "source" not in status(view=SILENT)
    assert isinstance(status()["source"], dict)
    assert status("/status-json.xsl?array=1", SILENT)["source"] == []
    assert status("/status-json.xsl?array=1")["source"] == [status()["source"]]


@pytest.mark.parametrize(
    ("query", "required", "url"),
    [
        ("?mount=/other", "", "https://radio.example/other"),
        ("?mount=other", "", "https://radio.example/other"),
        ("?mount=%2Fo%20%3Ch", "", "https://radio.example/o%20%3Ch"),
        ("?mount=", "", "https://radio.example/stream.mp3"),
        ("", "live", "https://radio.example/live"),
        ("?mount=/live", "live", "https://radio.example/live"),
        ("?mount=/live", "live?key=1", "https://radio.example/live"),
        ("?mount=/other", "live", None),
    ],
)
def test_one_mount_may_be_asked_about(query: str, required: str, url: str | None) -> None:
    source = status(f"/status-json.xsl{query}", replace(VIEW, required_path=required)).get("source")
    assert (source and source["listenurl"]) == url


def test_icecast_s_stats_in_xml() -> None:
    tree = ElementTree.fromstring(page("/admin/stats"))
    assert tree.tag == "icestats"
    assert texts(tree)["listeners"] == "7"
    assert texts(tree)["listener_connections"] == "40"
    assert texts(tree)["sources"] == "1"
    source = tree.find("source")
    assert source is not None
    assert source.get("mount") == "/stream.mp3"
    found = texts(source)
    assert (found["listeners"], found["listener_peak"], found["max_listeners"]) == ("7", "9", "100")
    assert (found["server_name"], found["title"], found["public"]) == (STATION.name, TITLE, "1")
    silent = ElementTree.fromstring(page("/admin/stats", SILENT))
    assert (silent.find("source"), texts(silent)["sources"]) == (None, "0")


def test_what_icecast_2_5_tells_everybody() -> None:
    name, found = json.loads(page("/admin/publicstats.json"))
    assert name == {"name": "icestats", "ns": "http://icecast.org/specs/legacystats-0.0.1"}
    assert found["server_start_iso8601"] == "2027-01-15T08:00:00+0000"
    assert found["source"] == {
        "/stream.mp3": {
            "content-type": "audio/mpeg",
            "display-title": TITLE,
            "genre": "talk",
            "listeners": 7,
            "listenurl": "https://radio.example/stream.mp3",
            "server_description": "All of it",
            "server_name": STATION.name,
            "stream_start_iso8601": "2027-01-15T08:00:40+0000",
        }
    }
    assert json.loads(page("/admin/publicstats.json", SILENT))[1]["source"] == {}


def basic(user: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def clients(view: ServerView = VIEW, *fields: str, path: str = "/admin/listclients?mount=/stream.mp3") -> Answer:
    return asked(view, path, *fields)


def test_the_operator_sees_who_listens() -> None:
    head, body = told(clients(VIEW, basic("admin", "häckme")))
    assert head.status == 200
    source = ElementTree.fromstring(body).find("source")
    assert source is not None
    assert (source.get("mount"), source.findtext("Listeners")) == ("/stream.mp3", "7")
    listeners = source.findall("listener")
    assert [one.get("id") for one in listeners] == ["7", "9"]
    assert [texts(one) for one in listeners] == [
        {"IP": "203.0.113.5", "UserAgent": "VLC/3.0.21 <&>", "Connected": "61", "ID": "7"},
        {"IP": "2001:db8::5", "UserAgent": "Unknown", "Connected": "0", "ID": "9"},
    ]


@pytest.mark.parametrize(
    ("authorization", "is_attempt"),
    [
        (None, False),
        (basic("admin", "hackme"), True),
        (basic("admin", ""), True),
        (basic("", "häckme"), True),
        (basic("source", "häckme"), True),
        ("Authorization: Basic !!!", True),
        ("Authorization: Bearer häckme", True),
    ],
)
def test_nobody_else_does(authorization: str | None, is_attempt: bool) -> None:
    answered = clients(VIEW, *([authorization] if authorization else []))
    head, body = told(answered)
    assert head.status == 401
    assert head.headers.get("www-authenticate") == 'Basic realm="DiStreamer"'
    assert b"203.0.113.5" not in body
    assert isinstance(answered, Reply)
    assert answered.refusal is (Refusal.PASSWORD if is_attempt else None)


@pytest.mark.parametrize("given_password", ["", "admin", "hackme"])
def test_without_a_password_of_the_operator_s_there_is_no_such_page(given_password: str) -> None:
    head, body = told(clients(replace(VIEW, admin_password=""), basic("admin", given_password)))
    assert head.status == 403
    assert b"ADMINPASSWORD" in body
    assert b"203.0.113.5" not in body


def test_a_mount_that_is_none_is_told_as_icecast_tells_it() -> None:
    view = replace(VIEW, required_path="live")
    head, body = told(clients(view, basic("admin", "häckme"), path="/admin/listclients?mount=/other"))
    assert (head.status, body) == (400, b"Source does not exist\n")


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/killclient?id=7", "/admin/listclients.xsl", "/robots.txt", "/favicon.ico"]
)
def test_what_is_no_page_is_no_stream_either(path: str) -> None:
    head, _ = told(asked(VIEW, path))
    assert head.status == 404


DNAS = {
    "currentlisteners": 7,
    "peaklisteners": 9,
    "maxlisteners": 100,
    "uniquelisteners": 5,
    "averagetime": 62,
    "servergenre": "talk",
    "servergenre2": "",
    "servergenre3": "",
    "servergenre4": "",
    "servergenre5": "",
    "serverurl": "http://radio.example/",
    "servertitle": STATION.name,
    "songtitle": TITLE,
    "streamhits": 40,
    "streamstatus": 1,
    "backupstatus": 0,
    "streamlisted": 1,
    "streampath": "/stream.mp3",
    "streamuptime": 59,
    "bitrate": "128",
    "samplerate": "44100",
    "content": "audio/mpeg",
}


@pytest.mark.parametrize("query", ["?sid=1&json=1", "?json=1", "?json=1&sid=2"])
def test_dnas_stats_in_json(query: str) -> None:
    found = json.loads(page(f"/stats{query}"))
    assert found.pop("version").startswith("2.")
    assert found == DNAS


def test_dnas_stats_in_xml() -> None:
    tree = ElementTree.fromstring(page("/stats?sid=1"))
    assert tree.tag == "SHOUTCASTSERVER"
    found = texts(tree)
    assert found.pop("VERSION").startswith("2.")
    assert found == {name.upper(): str(value) for name, value in DNAS.items()}


def test_dnas_stats_without_a_stream() -> None:
    found = json.loads(page("/stats?sid=1&json=1", SILENT))
    assert (found["streamstatus"], found["bitrate"], found["streamuptime"], found["songtitle"]) == (0, "0", 0, "")
    assert ElementTree.fromstring(page("/stats?sid=1", SILENT)).findtext("STREAMSTATUS") == "0"


def test_stats_without_a_question_are_those_of_distreamer_2() -> None:
    view = replace(VIEW, fragment_numbers=[8, 9], store_age_seconds=1.5)
    for path in ("/stats", "/stats?", "/stats?time=1"):
        assert json.loads(page(path, view)) == {"connectedClients": 7, "fragmentsList": [8, 9], "storeAge": 1.5}


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(words, words, words)
def test_whatever_a_source_says_the_pages_can_be_read(name: str, title: str, agent: str) -> None:
    info = replace(INFO, station=Station(name, name, name, name))
    view = replace(VIEW, info=info, title=lambda: title, listeners=lambda: [ListenerFacts(1, "::1", agent, 1)])
    for path in ("/admin/stats", "/stats?sid=1", "/live.xspf", "/admin/listclients"):
        ElementTree.fromstring(page(path, view, basic("admin", "häckme")))
    for path in ("/status-json.xsl", "/stats?json=1", "/admin/publicstats.json"):
        json.loads(page(path, view))
