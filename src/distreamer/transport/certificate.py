"""The certificate and key of a TLS server, taken up anew when they change: certificates of today live for weeks."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.errors import ResourceError
from distreamer.transport.tcp import spoken_fault

CHECK_SECONDS = 10.0
"""How often it is looked whether the files have changed."""

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """Two PEM files and the TLS server that they make."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises ResourceError when they cannot be used."""
        self._files = (certificate, key)
        self._seen = self._stamp()
        self._context = self._load()

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None) -> Certificate | None:
        """The one of these settings; None when there is to be no TLS."""
        return cls(certificate, key) if certificate and key else None

    def context(self) -> ssl.SSLContext:
        """For connections that begin now."""
        return self._context

    def refresh(self) -> bool:
        """Takes the files up if they have changed, and says whether it did. Raises ResourceError when they cannot be
        used, and stays with what it had; it tries again when they change once more."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        self._context = self._load()
        return True

    async def watch(self, log: FilteringBoundLogger) -> None:
        """Refreshes for ever. That the new files cannot be used is told only when they still cannot at the next look:
        whoever writes two files does it one after the other."""
        fault = ""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                refreshed = await asyncio.to_thread(self.refresh)
            except ResourceError as error:
                fault = str(error)
                continue
            if refreshed:
                log.info("the certificate has changed; who connects from now on gets the new one")
            elif fault:
                log.error(f"the certificate has changed, and the old one stays in use: {fault}")
            fault = ""

    def _load(self) -> ssl.SSLContext:
        return server_tls(*self._files)

    def _stamp(self) -> _Stamp:
        """What changes with the files; nothing for one that is not there at the moment."""
        stamps: list[tuple[int, int, int]] = []
        for file in self._files:
            try:
                found = file.stat()
            except OSError:
                stamps.append((0, 0, 0))
            else:
                stamps.append((found.st_ino, found.st_size, found.st_mtime_ns))
        return tuple(stamps)


def server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """How we are a TLS server with these PEM files; raises ResourceError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A stranger must not make us calculate again and again.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Browsers that offer HTTP/2 too must know that it is not spoken here.
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A key that needs a password must not ask for it on the console.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:
        fault = spoken_fault(error) if not isinstance(error, ssl.SSLError) else "one of them is no PEM, or they differ"
        raise ResourceError(f"CERTFILE = {certificate} and KEYFILE = {key} cannot be used: {fault}") from error
    return context
