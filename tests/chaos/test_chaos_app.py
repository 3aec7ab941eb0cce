"""What a run of ``distreamer chaos`` does by itself, in virtual time. As a process: tests/cli/test_chaos_command.py."""

from __future__ import annotations

import asyncio
import socket

import pytest

from distreamer.chaos import app
from distreamer.chaos.app import ChaosOptions
from distreamer.chaos.link_model import LinkSettings
from distreamer.chaos.outages import Outage
from tests.support.virtual_time import virtual_time

TARGET = ("127.0.0.1", 9)


async def known(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
    """A name server's answer, without a thread."""
    return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (host, port))]


@virtual_time(60)
async def test_planned_outages_come_by_themselves_and_it_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", known)
    said: list[tuple[float, str]] = []
    plan = [Outage.parse("3@2"), Outage.parse("2@7")]
    await app._run(
        ChaosOptions(TARGET, LinkSettings(), plan, seconds=12), lambda text: said.append((round(loop.time(), 3), text))
    )
    assert [(at, text.partition("  ")[2]) for at, text in said if "the link is " in text] == [
        (2, "the link is cut"),
        (5, "the link is back"),
        (7, "the link is cut"),
        (9, "the link is back"),
    ]
    assert said[-1] == (12, "In all: nothing was sent.")
