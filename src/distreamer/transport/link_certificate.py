"""The certificate of those who accept the link, for TLS and QUIC alike: the operator's, or one that is made here.

What is made is kept, so that a FINGERPRINT of it stays right. Its place is what systemd's StateDirectory names, or the
user's own folder for such things: it belongs to the machine, not to a configuration, so all instances share it.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import ssl
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import Clock
from distreamer.errors import ResourceError
from distreamer.transport.certificate import Certificate
from distreamer.transport.self_signed import KeyPair, make_key_pair, read_key_pair, spoken_fingerprint
from distreamer.transport.tcp import spoken_fault

FILE_NAME = "link-certificate.pem"


class LinkCertificate(Certificate):
    """Two PEM files, or one with both, and what TLS and QUIC need of them."""

    def __init__(self, certificate: Path, key: Path, *, is_ours: bool = False) -> None:
        """``is_ours``: nobody renews it. Raises ResourceError when they cannot be used."""
        self._is_ours = is_ours
        self._bindings: weakref.WeakKeyDictionary[ssl.SSLContext, bytes] = weakref.WeakKeyDictionary()
        super().__init__(certificate, key)

    @property
    def pair(self) -> KeyPair:
        """For connections that begin now."""
        return self._pair

    @property
    def fingerprint(self) -> str:
        """In words."""
        return spoken_fingerprint(self._pair.fingerprint)

    def binding_of(self, context: ssl.SSLContext | None) -> bytes | None:
        """What binds a password to the certificate of a connection that uses ``context``; None without TLS."""
        return None if context is None else self._bindings.get(context)

    async def watch(self, log: FilteringBoundLogger) -> None:
        """Takes the operator's files up when they change."""
        if not self._is_ours:
            await super().watch(log)

    def _load(self) -> ssl.SSLContext:
        context = super()._load()
        certificate, key = self._files
        try:
            self._pair = read_key_pair(certificate.read_bytes(), key.read_bytes())
        except (OSError, ValueError) as error:
            fault = spoken_fault(error) if isinstance(error, OSError) else str(error)
            raise ResourceError(f"CERTFILE = {certificate} and KEYFILE = {key} cannot be used: {fault}") from error
        self._bindings[context] = self._pair.binding
        return context


def link_certificate(
    certfile: Path | None, keyfile: Path | None, clock: Clock, log: FilteringBoundLogger
) -> LinkCertificate:
    """The one of these settings, or the one that is kept here, which is made when there is none yet. Raises
    ResourceError for one of the operator's that cannot be used."""
    if certfile is not None and keyfile is not None:
        return LinkCertificate(certfile, keyfile)
    folder = state_folder(os.environ)
    made = make_key_pair(datetime.datetime.fromtimestamp(clock.wall(), datetime.UTC))
    reason = "no folder for it is known (STATE_DIRECTORY, HOME)"
    if folder is not None:
        try:
            return _kept(folder, made, log)
        except OSError as error:
            reason = f"{folder}: {spoken_fault(error)}"
    log.warning("the certificate of the link cannot be kept; it is another one after each start", reason=reason)
    return _passing(made)


def state_folder(environment: Mapping[str, str]) -> Path | None:
    """Where programs keep what must outlive them; None when nobody says where that is."""
    if given := environment.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(given)
    if state := environment.get("XDG_STATE_HOME"):
        return Path(state) / "distreamer"
    home = environment.get("HOME")
    return Path(home) / ".local" / "state" / "distreamer" if home else None


def _kept(folder: Path, made: KeyPair, log: FilteringBoundLogger) -> LinkCertificate:
    """What stands in ``folder``, or ``made``, which stands there then. Raises OSError."""
    path = folder / FILE_NAME
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, made, replaces=False)
    with path.open("rb"):
        pass  # Raises what would else be taken for a fault of its content.
    try:
        return LinkCertificate(path, path, is_ours=True)
    except ResourceError:
        log.warning("the certificate that was kept is damaged; a new one takes its place", file=str(path))
    _write(path, made, replaces=True)
    return LinkCertificate(path, path, is_ours=True)


def _write(path: Path, made: KeyPair, *, replaces: bool) -> None:
    """Whole or not at all, whenever the power fails, and for nobody else to read. Unless it ``replaces`` what is there,
    the first of several that start at once is the one that stays. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(made.pem())
            file.flush()
            os.fsync(file.fileno())
        if replaces:
            os.replace(name, path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _passing(made: KeyPair) -> LinkCertificate:
    """Not kept: OpenSSL wants a file, and this one is in memory only, where the system can do that."""
    memory = os.memfd_create(FILE_NAME) if hasattr(os, "memfd_create") else None
    descriptor, name = (memory, f"/proc/self/fd/{memory}") if memory is not None else tempfile.mkstemp()
    with open(descriptor, "wb") as file:
        file.write(made.pem())
        file.flush()
        try:
            return LinkCertificate(Path(name), Path(name), is_ours=True)
        finally:
            if memory is None:
                os.unlink(name)
