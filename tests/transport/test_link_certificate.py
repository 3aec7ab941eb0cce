"""The certificate of those who accept the link: the operator's, or one that is made and kept."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.clock import LoopClock
from distreamer.errors import ResourceError
from distreamer.transport.link_certificate import FILE_NAME, LinkCertificate, link_certificate, state_folder
from tests.support.certificates import make_certificate
from tests.support.input_context import capturing_log


class WallClock(LoopClock):
    def __init__(self) -> None:
        pass

    def wall(self) -> float:
        return 1_770_000_000.0


def kept(said: CapturingLogger | None = None) -> LinkCertificate:
    return link_certificate(None, None, WallClock(), capturing_log(said))


def words(said: CapturingLogger) -> str:
    return " ".join(str(call) for call in said.calls)


def test_what_is_made_at_the_first_start_is_there_at_the_next_and_for_nobody_else_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "state"
    monkeypatch.setenv("STATE_DIRECTORY", f"{folder}:/var/lib/another")
    said = CapturingLogger()
    first, second = kept(said), kept(said)
    assert first.pair.binding == second.pair.binding
    assert first.fingerprint == second.fingerprint == first.pair.fingerprint.hex(":").upper()
    [file] = folder.iterdir()
    assert file.name == FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.binding_of(first.context()) == first.pair.binding
    assert first.binding_of(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) is None
    assert not said.calls


@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "foreign", "cut off"])
def test_one_that_is_damaged_is_replaced_and_that_is_told(
    damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    first = kept()
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:-30] if damage is None else damage)
    said = CapturingLogger()
    second = kept(said)
    assert second.pair.binding != first.pair.binding
    assert "damaged" in words(said)
    assert kept().pair.binding == second.pair.binding


@pytest.mark.parametrize("place", ["a file stands there", "nobody names one"])
def test_where_nothing_can_be_kept_it_is_another_one_each_time_and_that_is_told_once(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if place == "a file stands there":
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "file" / "state"))
    said = CapturingLogger()
    first = kept(said)
    [call] = said.calls
    assert "cannot be kept" in str(call)
    assert kept().pair.binding != first.pair.binding
    assert first.context() is not None


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/distreamer", "HOME": "/root"}, "/var/lib/distreamer"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/root"}, "/state/distreamer"),
        ({"HOME": "/home/a"}, "/home/a/.local/state/distreamer"),
        ({}, None),
    ],
)
def test_its_place_is_what_the_system_says(environment: dict[str, str], folder: str | None) -> None:
    assert state_folder(environment) == (Path(folder) if folder else None)


def test_the_operator_s_own_is_taken_up_when_it_is_renewed(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    certificate = link_certificate(made.certificate, made.key, WallClock(), capturing_log())
    before, pair = certificate.context(), certificate.pair
    assert not certificate.refresh()
    make_certificate(tmp_path)
    os.utime(made.certificate, ns=(1, 1))
    assert certificate.refresh()
    assert certificate.pair.binding != pair.binding
    assert certificate.binding_of(certificate.context()) == certificate.pair.binding
    # Those that began before it keep theirs.
    assert certificate.binding_of(before) == pair.binding


def test_the_operator_s_own_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    with pytest.raises(ResourceError, match="nowhere"):
        link_certificate(tmp_path / "nowhere.pem", made.key, WallClock(), capturing_log())
    made.certificate.write_bytes(b"no PEM")
    with pytest.raises(ResourceError, match="cannot be used"):
        link_certificate(made.certificate, made.key, WallClock(), capturing_log())
