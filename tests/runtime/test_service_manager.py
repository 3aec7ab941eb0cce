"""What systemd is told. The unit tests own the time; test_service.py in tests/integration has a real process."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from distreamer.config.instance import InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.runtime.instance import Instance
from distreamer.runtime.overview import ENDED, Overview
from distreamer.runtime.service_manager import (
    LONGEST_STATUS_BYTES,
    READY_LOOKS,
    ServiceManager,
    StateTeller,
    keep_watchdog,
    service_manager,
    spoken_status,
)
from tests.support.input_context import capturing_log
from tests.support.manager_socket import manager_socket
from tests.support.virtual_time import virtual_time


@dataclass
class Notes:
    """What was told, and when; before ``takes_from`` nothing is taken."""

    takes_from: float = 0.0
    told: list[tuple[float, str]] = field(default_factory=list)

    def tell(self, message: str) -> bool:
        now = asyncio.get_running_loop().time()
        if now >= self.takes_from:
            self.told.append((now, message))
        return now >= self.takes_from


class MadeOverview(Overview):
    """Begins when the test says so."""

    def __init__(self, begins_at: float = 0.0) -> None:
        super().__init__([])
        self.begins_at = begins_at
        self.said = "128 kbit/s MP3 arrives"

    @property
    def has_begun(self) -> bool:
        return asyncio.get_running_loop().time() >= self.begins_at

    def sentences(self) -> dict[str, str]:
        return {"studio": self.said}


async def run_for(seconds: float, job: asyncio.Task[None]) -> None:
    """Lets simulated time pass, then ends ``job``, which must still run."""
    await asyncio.wait({job}, timeout=seconds)
    assert not job.done(), job.exception()
    job.cancel()
    await asyncio.wait({job})


def test_without_its_variable_there_is_no_manager() -> None:
    assert service_manager({}) is None
    assert service_manager({"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "1000000"}) is None
    assert service_manager({"NOTIFY_SOCKET": "vsock:2:1234"}) is None


@pytest.mark.parametrize(
    ("watchdog", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
    ],
)
def test_the_watchdog_is_kept_when_it_is_meant_for_us(watchdog: dict[str, str], seconds: float | None) -> None:
    assert service_manager({"NOTIFY_SOCKET": "/run/notify", **watchdog}, 42) == ServiceManager("/run/notify", seconds)


@pytest.mark.parametrize("abstract_name", ["", f"distreamer-test-{os.getpid()}"], ids=["path", "abstract"])
async def test_a_message_is_one_datagram(tmp_path: Path, abstract_name: str) -> None:
    async with manager_socket(tmp_path, abstract_name) as socket_of_manager:
        manager = ServiceManager(socket_of_manager.address)
        assert manager.tell("STATUS=“Radio” arrives")
        assert await socket_of_manager.heard("STATUS") == "STATUS=“Radio” arrives"


def test_a_manager_that_does_not_listen_disturbs_nothing(tmp_path: Path) -> None:
    assert not ServiceManager(str(tmp_path / "gone")).tell("READY=1")
    assert not ServiceManager("/" + 200 * "x").tell("READY=1")
    assert not ServiceManager("@").tell("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
        full.bind(str(tmp_path / "full"))
        manager = ServiceManager(str(tmp_path / "full"))
        taken = [manager.tell("WATCHDOG=1") for _ in range(10_000)]
        assert taken[0]
        assert not taken[-1]


@virtual_time(3600)
async def test_it_is_ready_when_all_have_begun_and_then_says_what_is_new() -> None:
    notes, overview = Notes(), MadeOverview(begins_at=3.0)
    job = asyncio.create_task(StateTeller(notes.tell, overview).run())
    asyncio.get_running_loop().call_later(60, setattr, overview, "said", "nothing has arrived for 5 s")
    await run_for(120, job)
    assert [message for _, message in notes.told] == [
        "READY=1",
        "STATUS=128 kbit/s MP3 arrives",
        "STATUS=nothing has arrived for 5 s",
    ]
    assert notes.told[0][0] >= 3.0


@virtual_time(3600)
async def test_a_module_that_never_says_anything_does_not_keep_it_from_being_ready() -> None:
    notes = Notes()
    await run_for(READY_LOOKS, asyncio.create_task(StateTeller(notes.tell, MadeOverview(begins_at=1e9)).run()))
    assert notes.told[0][1] == "READY=1"


@virtual_time(3600)
async def test_what_a_full_socket_did_not_take_is_told_again() -> None:
    notes = Notes(takes_from=60)
    await run_for(120, asyncio.create_task(StateTeller(notes.tell, MadeOverview()).run()))
    assert [message for _, message in notes.told] == ["READY=1", "STATUS=128 kbit/s MP3 arrives"]


@virtual_time(3600)
async def test_the_watchdog_is_told_three_times_in_its_time() -> None:
    notes = Notes()
    await run_for(10, asyncio.create_task(keep_watchdog(notes.tell, 3.0)))
    assert notes.told[:5] == [(float(second), "WATCHDOG=1") for second in range(5)]


def test_the_status_is_one_line_that_fits() -> None:
    assert spoken_status({"studio": "it is being started"}) == "it is being started"
    assert spoken_status({"east": "one", "west": "two"}) == "east: one | west: two"
    long = spoken_status({"east": 3000 * "“", "west": "two"})
    assert long.startswith("east: ““")
    assert long.endswith("“…")
    assert LONGEST_STATUS_BYTES - 3 <= len(long.encode()) <= LONGEST_STATUS_BYTES


@virtual_time(3600)
async def test_the_overview_has_a_sentence_for_each_instance_at_any_time() -> None:
    overview = Overview(["east", "west"])
    assert overview.sentences() == {"east": "it is being started", "west": "it is being started"}
    assert not overview.has_begun
    overview.made("east", Instance(InstanceConfig("east", None, GeneralSettings(), (), ()), capturing_log()))
    assert not overview.has_begun
    overview.ended("west")
    assert overview.sentences() == {"east": "nothing has arrived yet (no input)", "west": ENDED}
    assert overview.has_begun
