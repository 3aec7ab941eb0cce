"""The file by which a health check sees that the process works."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from distreamer.errors import ResourceError
from distreamer.runtime.heartbeat import Heartbeat, keep_heartbeat, read_heartbeat, write_heartbeat

NOW = 1_790_000_000.0


def test_what_is_written_can_be_read_by_anyone(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    beat = Heartbeat(at=NOW, instances={"studio": "“Radio” arrives"})
    write_heartbeat(file, Heartbeat(at=NOW - 5, instances={}))
    write_heartbeat(file, beat)
    assert json.loads(file.read_text(encoding="utf-8")) == {"at": NOW, "instances": {"studio": "“Radio” arrives"}}
    assert read_heartbeat(file, NOW) == beat
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("seconds", [0.0, 29.9, -29.9])
def test_a_young_file_is_good(tmp_path: Path, seconds: float) -> None:
    write_heartbeat(tmp_path / "heartbeat", Heartbeat(at=NOW, instances={}))
    assert read_heartbeat(tmp_path / "heartbeat", NOW + seconds).at == NOW


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (30, "was written 30 s ago: DiStreamer hangs or has ended"),
        (3700, "was written 1 h 1 min ago"),
        (-30, "is 30 s ahead of the clock, which was set back"),
    ],
)
def test_an_old_file_is_told(tmp_path: Path, seconds: float, said: str) -> None:
    write_heartbeat(tmp_path / "heartbeat", Heartbeat(at=NOW, instances={}))
    with pytest.raises(ResourceError, match=said):
        read_heartbeat(tmp_path / "heartbeat", NOW + seconds)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"\xff\xfe", b"[]", b"\0" * 2_000_000),
        *(b'{"at": 1790000000}', b'{"at": true, "instances": {}}', b'{"at": NaN, "instances": {}}'),
        b'{"at": 1790000000, "instances": {"studio": 5}}',
    ],
)
def test_what_is_no_heartbeat_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "heartbeat").write_bytes(data)
    with pytest.raises(ResourceError, match="heartbeat is no heartbeat file of DiStreamer"):
        read_heartbeat(tmp_path / "heartbeat", NOW)


def test_a_file_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"there is no heartbeat file .*: DiStreamer does not run, or not with"):
        read_heartbeat(tmp_path / "heartbeat", NOW)
    with pytest.raises(ResourceError, match="cannot be read: Is a directory"):
        read_heartbeat(tmp_path, NOW)
    with pytest.raises(ResourceError, match="cannot be written: No such file"):
        write_heartbeat(tmp_path / "missing" / "heartbeat", Heartbeat(at=NOW, instances={}))


async def test_it_is_written_at_once_and_raises_when_it_cannot(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    said = asyncio.Event()

    def sentences() -> dict[str, str]:
        said.set()
        return {"studio": "it is being started"}

    with pytest.raises(ResourceError, match="cannot be written"):
        await asyncio.wait_for(keep_heartbeat(tmp_path / "missing" / "heartbeat", sentences, lambda: NOW), 60)
    task = asyncio.create_task(keep_heartbeat(file, sentences, lambda: NOW))
    try:
        async with asyncio.timeout(60):
            while not file.exists():
                assert not task.done()
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert read_heartbeat(file, NOW) == Heartbeat(at=NOW, instances={"studio": "it is being started"})
