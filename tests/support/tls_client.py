"""A TLS client between bytes and bytes; it believes every certificate."""

from __future__ import annotations

import ssl
import warnings
from contextlib import suppress


class TlsClient:
    """Says and hears; the test carries the bytes."""

    def __init__(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        """Speaks this ``version`` only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if version < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self.is_agreed = False
        self.has_ended = False
        """The server said that nothing more comes."""

    def shake_hands(self) -> bytes:
        """One more step towards agreement; what is to be sent for it."""
        try:
            self._tls.do_handshake()
            self.is_agreed = True
        except ssl.SSLWantReadError:
            pass
        return self._outgoing.read()

    def say(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._outgoing.read()

    def say_farewell(self) -> bytes:
        with suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            self._tls.unwrap()
        return self._outgoing.read()

    def hear(self, data: bytes) -> bytes:
        """What the server said with ``data``, once they agreed."""
        self._incoming.write(data)
        heard = b""
        while self.is_agreed:
            try:
                part = self._tls.read(1 << 20)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                self.has_ended = True
                break
            heard += part
        return heard
