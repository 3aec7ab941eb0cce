"""The page at ``/``: everything in one file, nothing from elsewhere, nothing of a source's words that could run."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from distreamer.model.audio import Station
from distreamer.protocol.listener_replies import Reply
from distreamer.protocol.server_view import ServerView
from tests.support.made_audio import AAC, INFO
from tests.support.player_requests import CHROME, HTML, asked, told

STATION = Station('Radio <b>Ünder</b> & "Co" {{title}}', "All 'of' it", "talk", "https://radio.example/?a&b")
VIEW = ServerView(info=replace(INFO, station=STATION), title=lambda: "</script><script>alert(1)</script>")
BROWSER = (f"User-Agent: {CHROME}", f"Accept: {HTML}")


class Page(HTMLParser):
    """What a browser finds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, str] = {}
        self._path: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        name = dict(attrs).get("id")
        self._path.append(f"#{name}" if name else tag)

    def handle_data(self, data: str) -> None:
        if self._path and data.strip():
            self.texts.setdefault(self._path[-1], data)

    def values(self, tag: str, attribute: str) -> list[str]:
        return [value for found, name, value in self.attributes if (found, name) == (tag, attribute)]


def page(view: ServerView = VIEW, path: str = "/") -> tuple[Page, str, dict[str, str]]:
    head, body = told(asked(view, path, *BROWSER))
    assert head.status == 200
    assert head.headers.get("content-length") == str(len(body))
    return Page(body.decode()), body.decode(), {name.lower(): value for name, value in head.headers}


def test_it_has_the_station_and_what_is_on_air_as_text() -> None:
    found, text, fields = page()
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert found.texts["#name"] == STATION.name
    assert found.texts["#title"] == "</script><script>alert(1)</script>"
    assert text.count("<script>") == 1
    assert "{{" not in text.replace("{{title}}", "", 2), "a place was left, or filled with what a station said"


def test_it_plays_what_the_server_serves_and_leads_to_playlists() -> None:
    found, _, _ = page()
    assert found.values("audio", "src") == ["./stream.mp3"]
    assert found.values("a", "href") == ["listen.m3u", "listen.pls", "listen.xspf", "https://radio.example/?a&b"]
    other, _, _ = page(replace(VIEW, info=replace(INFO, format=AAC)))
    assert other.values("audio", "src") == ["./stream.aac"]
    waiting, _, _ = page(replace(VIEW, info=None))
    assert waiting.values("audio", "src") == ["./stream"]


def test_where_one_path_is_served_it_plays_that_and_keeps_the_key() -> None:
    view = replace(VIEW, required_path="live ä?key=1&x=2")
    found, _, _ = page(view, "/?key=1&x=2")
    assert found.values("audio", "src") == ["./live%20%C3%A4?key=1&x=2"]
    assert found.values("a", "href")[0] == "listen.m3u?key=1&x=2"
    refused = asked(view, "/", *BROWSER)
    assert isinstance(refused, Reply)
    assert refused.data.startswith(b"HTTP/1.0 403 ")
    assert b"key=1" not in refused.data


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "http://a b", 'https://x/"onload="', ""])
def test_a_website_is_an_address_or_is_left_out(url: str) -> None:
    found, _, _ = page(replace(VIEW, info=replace(INFO, station=replace(STATION, url=url))))
    assert found.values("a", "href")[-1] == ""


def test_its_policy_allows_its_own_script_and_nothing_else() -> None:
    _, text, fields = page()
    policy = dict(part.strip().split(" ", 1) for part in fields["content-security-policy"].split(";"))
    assert policy.pop("default-src") == "'none'"
    for tag in ("script", "style"):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inside) == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert policy.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert policy == {
        "img-src": "data:",
        "media-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert fields["x-content-type-options"] == "nosniff"


def test_nothing_comes_from_elsewhere() -> None:
    found, text, _ = page(replace(VIEW, info=replace(INFO, station=replace(STATION, url=""))))
    loaded = [value for tag, name, value in found.attributes if name in {"src", "href"} and tag != "a"]
    assert all(value.startswith(("data:", "./")) for value in loaded)
    assert not re.search(r"@import|url\(|style=|\son\w+=", text)


def test_head_tells_the_same() -> None:
    head, body = told(asked(VIEW, "/", *BROWSER, method="HEAD"))
    assert (head.status, body) == (200, b"")
    assert "content-security-policy" in head.headers
