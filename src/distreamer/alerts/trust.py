"""Whose certificates are trusted by alerts that are sent over TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

from distreamer.alerts.sender import PatientThread
from distreamer.config.settings import AlertSettings
from distreamer.errors import ResourceError


class TrustingAlertSettings(AlertSettings):
    """The base of the settings of alerts that are sent over TLS."""

    cafile: Path | None = None
    """Certificates (PEM) that are trusted beside those of the system: that of an authority of your own, or of a server
    that has made its own. A server's certificate must be valid in any case."""


class Trust:
    """Reads the certificates once, when they are needed first."""

    def __init__(self, cafile: Path | None, thread: PatientThread) -> None:
        self._cafile = cafile
        self._thread = thread
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """Checks certificates and names. Raises ResourceError when CAFILE cannot be used."""
        if self._context is None:
            self._context = await self._thread.do(self.load)
        return self._context

    def load(self) -> ssl.SSLContext:
        """The same, at once; it reads files."""
        context = ssl.create_default_context()
        if self._cafile is not None:
            try:
                context.load_verify_locations(self._cafile)
            except OSError as error:  # ssl.SSLError is one
                raise ResourceError(f"CAFILE {self._cafile} cannot be used: {error.strerror or error}") from error
        return context
