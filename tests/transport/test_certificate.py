"""A certificate that is renewed while the server runs."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest

from distreamer.errors import ResourceError
from distreamer.transport.certificate import Certificate
from tests.support.certificates import make_certificate


def replace_files(folder: Path, target: Path) -> None:
    """As certbot does: new files take the place of the old."""
    for name in ("certificate.pem", "key.pem"):
        shutil.copy(folder / name, target / f"{name}.new")
        (target / f"{name}.new").rename(target / name)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        make_certificate(tmp_path / name)
    return tmp_path / "old", tmp_path / "new"


def test_nothing_is_loaded_again_while_nothing_changes(folders: tuple[Path, Path]) -> None:
    old, _ = folders
    certificate = Certificate(old / "certificate.pem", old / "key.pem")
    before = certificate.context()
    assert not certificate.refresh()
    assert certificate.context() is before


def test_new_files_are_taken_up(folders: tuple[Path, Path]) -> None:
    old, new = folders
    certificate = Certificate(old / "certificate.pem", old / "key.pem")
    before = certificate.context()
    replace_files(new, old)
    assert certificate.refresh()
    assert certificate.context() is not before
    assert isinstance(certificate.context(), ssl.SSLContext)
    assert not certificate.refresh()


def test_while_only_one_file_is_new_the_old_pair_stays(folders: tuple[Path, Path]) -> None:
    old, new = folders
    certificate = Certificate(old / "certificate.pem", old / "key.pem")
    before = certificate.context()
    shutil.copy(new / "certificate.pem", old / "certificate.pem")
    with pytest.raises(ResourceError, match=r"CERTFILE = .* cannot be used: one of them is no PEM, or they differ"):
        certificate.refresh()
    assert certificate.context() is before
    assert not certificate.refresh(), "the same fault is told once"
    shutil.copy(new / "key.pem", old / "key.pem")
    assert certificate.refresh()
    assert certificate.context() is not before


def test_files_that_are_gone_harm_nothing(folders: tuple[Path, Path]) -> None:
    old, new = folders
    certificate = Certificate(old / "certificate.pem", old / "key.pem")
    (old / "certificate.pem").unlink()
    with pytest.raises(ResourceError, match="No such file"):
        certificate.refresh()
    replace_files(new, old)
    assert certificate.refresh()


def test_without_files_there_is_no_tls(tmp_path: Path) -> None:
    assert Certificate.of(None, None) is None
    with pytest.raises(ResourceError):
        Certificate.of(tmp_path / "none.pem", tmp_path / "none.pem")
