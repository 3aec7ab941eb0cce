"""The notes by which ``distreamer status`` and ``top`` find what runs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from distreamer.admin import server
from distreamer.admin.whereabouts import SYSTEM_FOLDER, Note, ended_notes, known_folders, noted, notes, own_folder
from tests.support.admin_client import admin_config, operating
from tests.support.listening_modules import until

ADDRESS = ("127.0.0.1", 8090)


def left_note(folder: Path) -> dict[str, object]:
    """What a note of this process says."""
    with noted(folder, ADDRESS):
        (file,) = folder.iterdir()
        return dict(json.loads(file.read_text()))


def listed(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_a_note_is_there_for_as_long_as_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "run/distreamer"
    with noted(folder, ADDRESS), noted(folder, ("::1", 8091)):
        found = notes([folder])
        assert [(note.pid, note.host, note.port) for note in found] == [
            (os.getpid(), "127.0.0.1", 8090),
            (os.getpid(), "::1", 8091),
        ]
        assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}
    assert list(folder.iterdir()) == []
    assert notes([folder, tmp_path / "nowhere"]) == []


def test_what_a_killed_process_left_is_not_believed_and_taken_away(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    told = left_note(tmp_path)
    (tmp_path / f"{ended.pid}-a.json").write_text(json.dumps({**told, "pid": ended.pid}))
    # The number was given to another process since.
    (tmp_path / f"{os.getpid()}-b.json").write_text(json.dumps({**told, "started": int(str(told["started"])) - 1}))
    assert notes([tmp_path]) == []
    assert len(ended_notes([tmp_path], time.time())) == 2
    with noted(tmp_path, ADDRESS):
        assert len(list(tmp_path.iterdir())) == 1
        assert len(notes([tmp_path])) == 1
        assert ended_notes([tmp_path], time.time()) == []


def test_what_was_killed_is_known_by_name_and_since_when(tmp_path: Path) -> None:
    with noted(tmp_path, ADDRESS, ["studio", "n" * 100, *map(str, range(100))]):
        (file,) = tmp_path.iterdir()
        told = json.loads(file.read_text())
        assert told["names"] == ["studio", "n" * 64, *map(str, range(18))]
        other = tmp_path / f"{os.getpid()}-killed.json"
        other.write_text(json.dumps({**told, "started": told["started"] - 1}))
        os.utime(other, (1000.0, 1000.0))
        (ended,) = ended_notes([tmp_path, tmp_path / "nowhere"], 1090.0)
        assert (ended.note.names[0], ended.note.port, ended.seconds) == ("studio", 8090, 90.0)
        # The clock was set back.
        assert ended_notes([tmp_path], 10.0)[0].seconds == 0.0


def test_what_was_killed_is_told_until_it_is_back_or_a_day_has_passed(tmp_path: Path) -> None:
    with noted(tmp_path, ADDRESS, ["studio", "news"]):
        (file,) = tmp_path.iterdir()
        told = json.loads(file.read_text())
    killed = tmp_path / f"{os.getpid()}-killed.json"
    killed.write_text(json.dumps({**told, "started": told["started"] - 1}))
    with noted(tmp_path, ("127.0.0.1", 8091), ["tower"]):
        assert [ended.note.names for ended in ended_notes([tmp_path], time.time())] == [("studio", "news")]
    with noted(tmp_path, ("127.0.0.1", 8092), ["news"]):
        assert ended_notes([tmp_path], time.time()) == []
    killed.write_text(json.dumps({**told, "started": told["started"] - 1}))
    os.utime(killed, (time.time() - 90_000,) * 2)
    with noted(tmp_path, ("127.0.0.1", 8091), ["tower"]):
        assert not killed.exists()


def test_what_is_no_note_is_left_alone(tmp_path: Path) -> None:
    told = left_note(tmp_path)
    pid = os.getpid()
    (tmp_path / f"{pid}-a.json").write_text("{")
    (tmp_path / f"{pid}-b.json").write_text(json.dumps({**told, "port": 0}))
    (tmp_path / f"{pid}-c.json").write_text(json.dumps({**told, "host": "h" * 5000}))
    (tmp_path / "notes.txt").write_text(json.dumps(told))
    (tmp_path / "whole").write_text(json.dumps(told))
    (tmp_path / f"{pid}-d.json").symlink_to(tmp_path / "whole")
    os.mkfifo(tmp_path / f"{pid}-e.json")
    before = sorted(tmp_path.iterdir())
    with noted(tmp_path, ADDRESS):
        assert len(notes([tmp_path])) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_nobody_speaks_for_the_process_of_another(tmp_path: Path) -> None:
    with noted(tmp_path, ADDRESS):
        (file,) = tmp_path.iterdir()
        os.chown(file, 12345, 12345)
        assert notes([tmp_path]) == []


@pytest.mark.parametrize(
    ("environ", "user", "own", "known"),
    [
        ({}, 0, "/run/distreamer", ["/run/distreamer"]),
        ({}, 1000, None, ["/run/distreamer"]),
        ({"XDG_RUNTIME_DIR": "/run/user/0"}, 0, "/run/distreamer", ["/run/distreamer", "/run/user/0/distreamer"]),
        (
            {"XDG_RUNTIME_DIR": "/run/user/5"},
            5,
            "/run/user/5/distreamer",
            ["/run/distreamer", "/run/user/5/distreamer"],
        ),
        ({"XDG_RUNTIME_DIR": "here"}, 5, None, ["/run/distreamer"]),
        ({"RUNTIME_DIRECTORY": "/run/distreamer"}, 99, "/run/distreamer", ["/run/distreamer"]),
        ({"RUNTIME_DIRECTORY": "/run/a:/run/b"}, 99, "/run/a", ["/run/distreamer"]),
        ({"DISTREAMER_RUNTIME": "/dev/shm/d", "RUNTIME_DIRECTORY": "/run/a"}, 0, "/dev/shm/d", ["/dev/shm/d"]),
    ],
)
def test_services_root_and_people_have_their_folders(
    environ: dict[str, str], user: int, own: str | None, known: list[str]
) -> None:
    assert Path("/run/distreamer") == SYSTEM_FOLDER
    assert own_folder(environ, user) == (None if own is None else Path(own))
    assert known_folders(environ) == [Path(folder) for folder in known]


async def test_an_admin_leaves_a_note_for_as_long_as_it_listens(tmp_path: Path) -> None:
    async with operating(folder=tmp_path) as operator:
        await until(lambda: bool(notes([tmp_path])))
        (note,) = notes([tmp_path])
        assert (note.host, note.port) == operator.address
        operator.members[0].config = admin_config(admin="127.0.0.1:0", password="other")
        operator.servers.changed()
        await until(lambda: notes([tmp_path]) not in ([], [note]))
    assert notes([tmp_path]) == []


async def test_an_admin_that_cannot_leave_a_note_serves_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with operating(folder=tmp_path / "file") as operator:
        await until(lambda: "cannot find this by themselves" in operator.console.getvalue())
        assert (await operator.ask("/health")).status == 200


async def test_a_note_is_kept_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "RENEW_SECONDS", 0.01)
    async with operating(folder=tmp_path) as operator:
        await until(lambda: [note.names for note in notes([tmp_path])] == [("station",)])
        (file,) = listed(tmp_path)
        os.utime(file, (0.0, 0.0))
        await until(lambda: file.stat().st_mtime > 0)
        operator.members[0].config = replace(operator.members[0].config, name="tower")
        await until(lambda: [note.names for note in notes([tmp_path])] == [("tower",)])
    assert listed(tmp_path) == []


def test_a_note_says_nothing_else() -> None:
    assert set(Note.model_fields) == {"pid", "started", "host", "port", "names"}
