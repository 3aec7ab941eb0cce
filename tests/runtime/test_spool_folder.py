"""The files of a spool: what one run writes, the next reads, whatever happened to the files meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distreamer.core.spool_records import EpochOpened, Record
from distreamer.core.store import Store
from distreamer.errors import ResourceError
from distreamer.model.fragment import Fragment
from distreamer.runtime.spool_folder import Segment, SpoolFolder, SpoolLimits, folder_fault
from tests.support.native_programme import INFO, fragment

LIMITS = SpoolLimits(seconds=300, size=100_000_000)
OPENED = EpochOpened(1, INFO, is_own=True)


def opened(path: Path, limits: SpoolLimits = LIMITS, owner: str = "studio (process 7)") -> SpoolFolder:
    folder = SpoolFolder(path, owner, limits)
    folder.open()
    return folder


def filled(path: Path, last: int, limits: SpoolLimits = LIMITS) -> SpoolFolder:
    """With fragments of a second each."""
    folder = opened(path, limits)
    folder.write([OPENED])
    for number in range(1, last + 1):
        folder.write([fragment(1, number, setup=b"headers")])
    return folder


def segments(path: Path) -> list[Path]:
    return sorted(path.glob("*.spool"))


def read(path: Path) -> tuple[list[Record], int]:
    """All that another run finds."""
    folder = SpoolFolder(path, "studio (process 8)", LIMITS)
    contents = [folder.read(segment) for segment in folder.open()]
    folder.close()
    return [record for one in contents for record in one.records], sum(one.damages for one in contents)


def numbers(records: list[Record]) -> list[int]:
    return [record.number for record in records if isinstance(record, Fragment)]


def test_each_file_holds_all_that_its_fragments_need(tmp_path: Path) -> None:
    filled(tmp_path / "new" / "spool", 100).close()
    files = segments(tmp_path / "new" / "spool")
    assert len(files) == 4
    records, damages = read(tmp_path / "new" / "spool")
    assert numbers(records) == list(range(1, 101))
    assert damages == 0
    files[0].unlink()
    records, damages = read(tmp_path / "new" / "spool")
    assert numbers(records) == list(range(31, 101))
    assert damages == 0
    assert records[0] == OPENED
    assert all(record.setup == b"headers" for record in records if isinstance(record, Fragment))


def test_what_is_written_is_there_when_the_process_is_killed(tmp_path: Path) -> None:
    folder = filled(tmp_path, 10)
    # Neither closed nor synced.
    (path,) = segments(tmp_path)
    assert numbers(list(folder.read(Segment(path)).records)) == list(range(1, 11))


def test_old_segments_are_deleted_whole_beyond_the_seconds(tmp_path: Path) -> None:
    folder = filled(tmp_path, 1000)
    folder.close()
    records, _ = read(tmp_path)
    assert numbers(records)[-1] == 1000
    assert 300 <= len(numbers(records)) <= 360
    assert folder.size == sum(path.stat().st_size for path in segments(tmp_path))


def test_old_segments_are_deleted_whole_beyond_the_size(tmp_path: Path) -> None:
    folder = filled(tmp_path, 1000, SpoolLimits(seconds=10_000, size=2_000_000))
    folder.close()
    size = sum(path.stat().st_size for path in segments(tmp_path))
    assert 1_400_000 < size <= 2_000_000
    assert numbers(read(tmp_path)[0])[-1] == 1000


def test_starts_that_bring_little_do_not_fill_the_folder_with_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distreamer.runtime.spool_folder.MOST_SEGMENTS", 10)
    for number in range(1, 40):
        folder = opened(tmp_path)
        folder.write([OPENED, fragment(1, number)])
        folder.close()
    assert len(segments(tmp_path)) <= 11
    assert numbers(read(tmp_path)[0])[-1] == 39


def test_another_instance_is_told_whose_folder_it_is(tmp_path: Path) -> None:
    folder = filled(tmp_path, 1)
    with pytest.raises(ResourceError) as raised:
        opened(tmp_path, owner="news (process 9)")
    assert str(raised.value) == f"the folder {tmp_path} is the SPOOL of another instance: studio (process 7)"
    folder.close()
    opened(tmp_path).close()


def test_a_folder_that_was_deleted_is_a_fault_and_can_be_opened_again(tmp_path: Path) -> None:
    folder = filled(tmp_path / "a", 3)
    for path in (tmp_path / "a").iterdir():
        path.unlink()
    (tmp_path / "a").rmdir()
    with pytest.raises(FileNotFoundError):
        folder.write([fragment(1, 4)])
    folder.open()
    folder.write([fragment(1, 5)])
    folder.close()
    assert numbers(read(tmp_path / "a")[0]) == [5]


def test_a_write_that_failed_half_way_costs_that_record_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = filled(tmp_path, 3)
    write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 3000:
            raise OSError(28, "No space left on device")
        return write(file, bytes(data)[: len(data) - 2000])

    with monkeypatch.context() as patched:
        patched.setattr("os.write", full)
        with pytest.raises(OSError, match="No space left"):
            folder.write([fragment(1, 4)])
    folder.write([fragment(1, 5)])
    folder.close()
    records, damages = read(tmp_path)
    assert (numbers(records), damages) == ([1, 2, 3, 5], 1)


@pytest.mark.parametrize("what", ["empty", "foreign", "zeros", "cut", "torn page"])
def test_whatever_a_file_has_become_the_others_are_read(tmp_path: Path, what: str) -> None:
    filled(tmp_path, 90).close()
    middle = segments(tmp_path)[1]
    data = middle.read_bytes()
    middle.write_bytes(
        {
            "empty": b"",
            "foreign": b"RIFF" + bytes(range(256)) * 100,
            "zeros": bytes(len(data)),
            "cut": data[: len(data) // 2],
            "torn page": data[:8192] + bytes(4096) + data[12288:],
        }[what]
    )
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "000000000000.spool.bak").write_bytes(data)
    records, damages = read(tmp_path)
    found = numbers(records)
    assert [number for number in found if number <= 30 or number > 60] == [*range(1, 31), *range(61, 91)]
    assert damages == (what != "empty")
    if what == "torn page":
        assert len(found) >= 87
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_store_takes_up_older_fragments_behind_newer_ones() -> None:
    store = Store()
    store.open_epoch(1, INFO)
    store.add(fragment(1, 50))
    assert store.restore(fragment(1, number) for number in range(10, 20))
    assert [one.number for one in store] == [*range(10, 20), 50]
    assert (store.added, store.duplicates) == (1, 0)


def test_what_is_wrong_with_a_folder_is_known_without_using_it(tmp_path: Path) -> None:
    assert folder_fault(tmp_path) is None
    assert folder_fault(tmp_path / "new" / "one") is None
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    assert folder_fault(tmp_path / "file") == f"{tmp_path / 'file'} is not a folder"
    assert folder_fault(tmp_path / "file" / "below") == f"{tmp_path / 'file'} is not a folder"
