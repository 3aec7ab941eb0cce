"""MODE = Command with real programs."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from distreamer.alerts.command import Command, CommandSettings
from distreamer.core import killed
from distreamer.errors import ResourceError
from distreamer.units import spoken_seconds
from tests.support.alerts import alert_context, began, told
from tests.support.listening_modules import until
from tests.support.patience import growing_limits
from tests.support.undead import undead


def script(folder: Path, text: str) -> Path:
    """A program, which is run in ``folder``."""
    file = folder / "alert me"
    file.write_text(f"#!/bin/sh\ncd '{folder}'\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def command(line: str, timeout: float = 60) -> Command:
    return Command(CommandSettings(mode="Command", command=line, timeout=timeout), alert_context())


async def test_the_event_is_in_variables_and_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DS_INPUT_PASSWORD", "geheim")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    file = script(tmp_path, 'printf "%s\\n" "$@" > arguments\nenv > variables\ncat > event.json')
    one = command(f"'{file}' --to '+49 123' '$HOME' \"a > b\"")
    assert one.receiver == "command alert me"
    down = began(carrier="quic")
    assert await one.deliver(told(down)) == "ended with exit code 0"
    assert (tmp_path / "arguments").read_text().splitlines() == ["--to", "+49 123", "$HOME", "a > b"]
    variables = dict(line.split("=", 1) for line in (tmp_path / "variables").read_text().splitlines())
    assert variables["DISTREAMER_EVENT_KIND"] == "link_down"
    assert variables["DISTREAMER_EVENT_STATE"] == "problem"
    assert variables["DISTREAMER_EVENT_SENTENCE"] == "link_down began"
    assert variables["DISTREAMER_EVENT_NUMBER"] == str(down.number)
    assert variables["PATH"] == os.environ["PATH"]
    assert "DS_INPUT_PASSWORD" not in variables
    assert "NOTIFY_SOCKET" not in variables
    event = json.loads((tmp_path / "event.json").read_text())
    assert (event["kind"], event["facts"]) == ("link_down", {"carrier": "quic"})


async def test_the_event_is_told_whatever_the_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_ascii(name: str | bytes) -> bytes:
        return name if isinstance(name, bytes) else name.encode("ascii")

    monkeypatch.setattr(os, "fsencode", only_ascii)
    file = script(tmp_path, 'printf %s "$DISTREAMER_EVENT_SENTENCE" > sentence')
    await command(f"'{file}'").deliver(told(began(sentence="“Größe” is 遠い")))
    assert (tmp_path / "sentence").read_text(encoding="utf-8") == "“Größe” is 遠い"


async def test_standard_input_need_not_be_read() -> None:
    assert await command("true").deliver(told(began(sentence="long " * 500))) == "ended with exit code 0"


async def test_what_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    file = script(tmp_path, "echo first\necho 'no modem' >&2\nexit 3")
    with pytest.raises(ResourceError, match=r"alert me ended with exit code 3: no modem$"):
        await command(f"'{file}'").deliver(told(began()))
    with pytest.raises(ResourceError, match=r"^false ended with exit code 1$"):
        await command("false").deliver(told(began()))
    file = script(tmp_path, "kill -9 $$")
    with pytest.raises(ResourceError, match=r"was ended by signal 9$"):
        await command(f"'{file}'").deliver(told(began()))


async def test_what_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    file = script(tmp_path, "sleep 3600 & echo $! > child\necho waiting\nwait")
    for seconds in growing_limits():
        with pytest.raises(ResourceError, match=f"has not ended within {spoken_seconds(seconds)}") as caught:
            await command(f"'{file}'", timeout=seconds).deliver(told(began()))
        if str(caught.value).endswith(": waiting"):
            break
    assert str(caught.value).endswith(": waiting")
    child = int((tmp_path / "child").read_text())
    await until(lambda: is_dead(child))


async def test_what_has_only_just_begun_is_killed_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = asyncio.create_subprocess_exec

    async def slow(*words: str, **more: Any) -> asyncio.subprocess.Process:
        """The event loop has no time to see that it has begun before it is cancelled."""
        process = await usual(*words, **more)
        await until((tmp_path / "begun").exists)
        telling.cancel()
        await asyncio.sleep(0)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow)
    file = script(tmp_path, "sleep 3600 & echo $! > child\ntouch begun\nwait")
    telling = asyncio.create_task(command(f"'{file}'").deliver(told(began())))
    await asyncio.wait({telling})
    assert telling.cancelled()
    child = int((tmp_path / "child").read_text())
    await until(lambda: is_dead(child))


async def test_what_cannot_even_be_killed_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that waits for a disk that hangs."""
    monkeypatch.setattr(killed, "DYING_SECONDS", 0.1)
    async with undead(), asyncio.timeout(60):
        with pytest.raises(ResourceError, match=r"sleep has not ended within 1 s$"):
            await command("sleep 3600", timeout=1).deliver(told(began()))


async def test_what_is_left_running_on_purpose_is_not_waited_for(tmp_path: Path) -> None:
    file = script(tmp_path, "sleep 3600 & echo $! > child")
    assert await command(f"'{file}'").deliver(told(began())) == "ended with exit code 0"
    child = int((tmp_path / "child").read_text())
    assert not is_dead(child)
    os.kill(child, 9)


async def test_whatever_is_printed_the_memory_is_bounded(tmp_path: Path) -> None:
    file = script(tmp_path, "head -c 30000000 /dev/zero | tr '\\0' 'x'\necho\necho 'the end'\nexit 1")
    tracemalloc.start()
    try:
        with pytest.raises(ResourceError, match=r"exit code 1: the end$"):
            await command(f"'{file}'").deliver(told(began()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


async def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"^/no/such/program cannot be started: No such file or directory$"):
        await command("/no/such/program").deliver(told(began()))
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ResourceError, match=r"cannot be started: Permission denied$"):
        await command(str(tmp_path / "text")).deliver(told(began()))


async def test_no_file_descriptor_is_left_open() -> None:
    await command("true").deliver(told(began()))
    before = len(os.listdir("/proc/self/fd"))
    for line in ("true", "false", "/no/such/program"):
        try:
            await command(line).deliver(told(began()))
        except ResourceError:
            assert line != "true"
    assert len(os.listdir("/proc/self/fd")) == before


def is_dead(process: int) -> bool:
    """Ended, though perhaps nobody has asked how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
