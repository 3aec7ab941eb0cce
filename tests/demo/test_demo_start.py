"""How the demo begins, and how it fails to."""

from __future__ import annotations

import socket

import pytest

from distreamer.demo import app
from distreamer.demo.app import run_demo
from distreamer.demo.programme import Programme, programme_of
from distreamer.errors import BindError, ConfigError, ResourceError
from tests.support.made_audio import mp3_frame

LAST_PORT = 65535


async def ready_programme(first_seconds: float) -> Programme:
    return programme_of([("Song", [mp3_frame(number) for number in range(40 * 60)])])


def test_a_page_that_finds_no_port_ends_the_demo_with_that_error_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "make_programme", ready_programme)
    with socket.socket() as other:
        other.bind(("127.0.0.1", LAST_PORT))
        other.listen()
        with pytest.raises(BindError, match=f"127.0.0.1:{LAST_PORT}: another program listens there already"):
            run_demo(seconds=20, source=None, port=LAST_PORT, cut_seconds=None, open_browser=False)


def test_a_source_that_is_no_url_is_named_without_its_password() -> None:
    with pytest.raises(ConfigError) as raised:
        run_demo(seconds=None, source="ftp://user:secret@radio.example/", port=0, cut_seconds=None, open_browser=False)
    assert raised.value.problems == ["--source ftp://user:***@radio.example/: must begin with http:// or https://"]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(first_seconds: float) -> Programme:
        raise ResourceError("numpy is not installed")

    monkeypatch.setattr(app, "make_programme", missing)
    with pytest.raises(ResourceError, match="numpy is not installed"):
        run_demo(seconds=None, source=None, port=0, cut_seconds=None, open_browser=False)
