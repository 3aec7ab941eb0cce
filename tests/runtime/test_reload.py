"""The configuration is read again: faults change nothing, and each instance says what happened to it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from distreamer.config.instance import InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.errors import ConfigError
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import InstanceLog
from distreamer.runtime.overview import Overview
from distreamer.runtime.reload import Member, Reload
from distreamer.runtime.service_manager import StateTeller
from tests.support.listening_modules import until

NOON = 1_795_435_200.9
PREFIX = "2026-11-23T12:00:00Z "


def config(name: str, path: str = "", **general: object) -> InstanceConfig:
    """An instance without modules."""
    given = {"statusseconds": 0, **general}
    return InstanceConfig(name, Path(path) if path else None, GeneralSettings.model_validate(given), (), ())


@dataclass
class Process:
    """Two instances, and what is in their files."""

    files: list[InstanceConfig]
    fault: Exception | None = None
    reads: int = 0
    told: list[str] = field(default_factory=list)
    before_reading: Callable[[], None] = lambda: None

    def load(self) -> list[InstanceConfig]:
        self.before_reading()
        self.reads += 1
        if self.fault is not None:
            raise self.fault
        return self.files

    def tell(self, message: str) -> bool:
        self.told.append(message)
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Reload]:
        self.streams = [io.StringIO() for _ in self.files]
        self.members = [
            Member(one, InstanceLog(one, stream, wall=lambda: NOON))
            for one, stream in zip(self.files, self.streams, strict=True)
        ]
        self.overview = Overview([member.config.name for member in self.members])
        for member in self.members:
            member.instance = Instance(member.config, member.log.logger)
            self.overview.made(member.config.name, member.instance)
        teller = StateTeller(self.tell, self.overview)
        reload = Reload(
            self.load,
            self.members,
            teller,
            lambda: self.overview.renamed([member.config.name for member in self.members]),
        )
        instances = [member.instance for member in self.members if member.instance is not None]
        tasks = [asyncio.create_task(job) for job in (teller.run(), reload.run(), *(one.run() for one in instances))]
        await asyncio.sleep(0)
        try:
            yield reload
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def lines(self, index: int = 0) -> list[str]:
        """What an instance's console shows."""
        return [line.removeprefix(PREFIX) for line in self.streams[index].getvalue().splitlines()]

    async def has_said(self, times: int, index: int = 0) -> None:
        """Waits until so many lines are there."""
        await until(lambda: len(self.lines(index)) >= times)


async def test_each_instance_says_what_happened_to_it() -> None:
    process = Process([config("east"), config("west")])
    async with process.running() as reload:
        process.files = [config("east"), config("west", delay=30, history=600)]
        reload.ask()
        await process.has_said(1, 0)
        await process.has_said(1, 1)
        assert process.lines(0) == ["info east: the configuration was read again: nothing changed"]
        assert process.lines(1) == ["info west: the configuration was read again: HISTORY, DELAY changed"]


async def test_a_fault_in_any_file_changes_nothing_and_is_told_where_it_belongs() -> None:
    process = Process([config("east", "east.conf"), config("west", "west.conf")])
    async with process.running() as reload:
        process.fault = ConfigError(["west.conf:3: [INPUT] has no key PRT", "elsewhere: cannot be read"])
        reload.ask()
        await process.has_said(1, 0)
        await process.has_said(1, 1)
        begin = "everything goes on as before, for the configuration has a fault: "
        assert process.lines(0) == [f"error east: {begin}elsewhere: cannot be read"]
        assert process.lines(1) == [f"error west: {begin}west.conf:3: [INPUT] has no key PRT"]
        process.fault = None
        reload.ask()
        await process.has_said(2)
        assert process.lines()[1] == "info east: the configuration was read again: nothing changed"


async def test_nothing_is_exchanged_while_the_operator_exchanges_a_part() -> None:
    process = Process([config("east"), config("west")])
    async with process.running() as reload:
        west = process.members[1].instance
        assert west is not None
        async with west.changing:
            reload.ask()
            await until(lambda: "RELOADING=1" in "".join(process.told))
            for _ in range(100):
                await asyncio.sleep(0)
            assert (process.reads, process.lines(0), process.lines(1)) == (0, [], [])
        await process.has_said(1, 0)
        await process.has_said(1, 1)


async def test_a_log_file_that_cannot_be_opened_is_such_a_fault(tmp_path: Path) -> None:
    process = Process([config("east"), config("west", "west.conf")])
    async with process.running() as reload:
        process.files = [
            config("east", logfile=tmp_path / "east.log", delay=77),
            config("west", "west.conf", logfile=tmp_path),
        ]
        reload.ask()
        await process.has_said(1, 1)
        assert process.lines(1) == [
            "error west: everything goes on as before, for the configuration has a fault: "
            f"west.conf: [GENERAL] LOGFILE = {tmp_path} cannot be written: Is a directory"
        ]
        assert process.lines(0) == []
        member = process.members[0]
        assert member.instance is not None
        assert member.instance.config.general.delay is None


async def test_the_log_follows_its_keys(tmp_path: Path) -> None:
    process = Process([config("east", logfile=tmp_path / "one.log")])
    async with process.running() as reload:
        log = process.members[0].log.logger.bind(module="input")
        log.debug("a detail")
        process.files = [config("west", logfile=tmp_path / "two.log", outputlevel=3, loglevel=0)]
        reload.ask()
        await process.has_said(1)
        log.debug("another detail")
        log.critical("the end")
        assert process.lines() == [
            "info west: the configuration was read again: OUTPUTLEVEL, LOGFILE, LOGLEVEL changed",
            "debug west input: another detail",
            "critical west input: the end",
        ]
        assert (tmp_path / "one.log").read_text() == ""
        assert (tmp_path / "two.log").read_text() == f"{PREFIX}critical west input: the end\n"
        assert list(process.overview.sentences()) == ["west"]
        process.files = [config("west")]
        reload.ask()
        await process.has_said(4)
        assert (tmp_path / "two.log").read_text().count("\n") == 1


async def test_names_may_be_exchanged() -> None:
    process = Process([config("east"), config("west")])
    async with process.running() as reload:
        process.overview.ended("west")
        process.files = [config("west"), config("east")]
        reload.ask()
        await process.has_said(1, 1)
        assert process.lines(1) == ["info east: the configuration was read again: nothing changed"]
        sentences = process.overview.sentences()
        assert list(sentences) == ["west", "east"]
        assert "a defect" in sentences["east"]
        assert "a defect" not in sentences["west"]


async def test_what_is_asked_for_while_it_reads_is_one_more_time() -> None:
    process = Process([config("east")])
    async with process.running() as reload:
        loop = asyncio.get_running_loop()
        began = asyncio.Event()

        def reading() -> None:
            loop.call_soon_threadsafe(began.set)

        process.before_reading = reading
        for _ in range(5):
            reload.ask()
        await process.has_said(1)
        assert process.reads == 1
        began.clear()
        reload.ask()
        await began.wait()
        for _ in range(5):
            reload.ask()
        await process.has_said(3)
        await asyncio.sleep(0.01)
        assert process.reads == 3


async def test_the_service_manager_is_told_when_it_begins_and_when_it_is_done() -> None:
    process = Process([config("east")])
    async with process.running() as reload:
        await until(lambda: "READY=1" in process.told)
        process.told.clear()
        process.fault = ConfigError(["east.conf: cannot be read"])
        reload.ask()
        await process.has_said(1)
        await until(lambda: "READY=1" in process.told)
        first, second = [message for message in process.told if not message.startswith("STATUS=")]
        begin, _, microseconds = first.partition("\nMONOTONIC_USEC=")
        assert (begin, second) == ("RELOADING=1", "READY=1")
        now = asyncio.get_running_loop().time()
        assert now - 120 < int(microseconds) / 1e6 <= now


async def test_an_instance_that_has_ended_is_told_of() -> None:
    process = Process([config("east"), config("west")])
    async with process.running() as reload:
        process.members[0].instance = None
        process.files = [replace(one, general=GeneralSettings(delay=20, statusseconds=0)) for one in process.files]
        reload.ask()
        await process.has_said(1, 0)
        await process.has_said(1, 1)
        assert process.lines(0) == [
            "error east: the configuration was read again, but this instance has ended: restart the process"
        ]
        assert process.lines(1) == ["info west: the configuration was read again: DELAY changed"]
