"""The address of a stream, taken apart for a request."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from distreamer.errors import ProtocolError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_KEPT_IN_TARGETS = "%/:;?#[]@!$&'()*+,=~"
"""What ``quote`` leaves alone: everything that a URL may hold, so that only spaces and 8-bit text are escaped."""


_SEMICOLON = "\ue000"
"""Stands in for a semicolon while ``urljoin`` works: it drops one that ends a path, and SHOUTcast's ``/;`` is then
the web page instead of the stream."""


@dataclass(frozen=True, slots=True)
class StreamUrl:
    """``http[s]://[user:password@]host[:port]/target``. As a string it has no user and no password."""

    scheme: str
    host: str
    """A name or address, IPv6 without brackets."""
    port: int
    target: str
    """Path and query, in ASCII."""
    credentials: bytes = b""
    """``user:password``, percent-decoded; empty when there are none."""

    @classmethod
    def parse(cls, text: str) -> StreamUrl:
        """Raises ProtocolError, without quoting a password, for what is no http or https address."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
            host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii").decode()
        except (ValueError, UnicodeError) as error:
            raise ProtocolError("this is no address: its host or port is broken") from error
        if parts.scheme not in _DEFAULT_PORTS:
            raise ProtocolError(
                f"only http and https can be fetched, not {parts.scheme[:20] or 'an address without either'}"
            )
        if not host or port == 0:
            raise ProtocolError("this address names no host" if not host else "this address has port 0")
        target = parts.path or "/"
        if parts.query:
            target += "?" + parts.query
        try:
            quoted, credentials = quote(target, safe=_KEPT_IN_TARGETS), _credentials(parts.username, parts.password)
        except UnicodeError as error:
            # What was typed in another encoding than the terminal's.
            raise ProtocolError("this address has a character that is no text") from error
        return cls(
            scheme=parts.scheme,
            host=host,
            port=port or _DEFAULT_PORTS[parts.scheme],
            target=quoted,
            credentials=credentials,
        )

    def follow(self, reference: str) -> StreamUrl:
        """Where ``reference`` (a Location, a line of a playlist) leads from here. The credentials go along as long as
        scheme, host and port stay the same. Raises ProtocolError."""
        try:
            joined = urljoin(_masked(str(self)), _masked(reference.strip())).replace(_SEMICOLON, ";")
        except ValueError as error:
            raise ProtocolError("this is no address: its host or port is broken") from error
        found = StreamUrl.parse(joined)
        if found.credentials or found.origin != self.origin:
            return found
        return StreamUrl(found.scheme, found.host, found.port, found.target, self.credentials)

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Whom one talks to."""
        return self.scheme, self.host, self.port

    @property
    def address(self) -> str:
        """``host:port`` for messages, the port always there."""
        return f"{self._bracketed_host}:{self.port}"

    @property
    def host_field(self) -> str:
        """The value of the Host header: the port only where it is not the scheme's own (RFC 9110, section 7.2)."""
        return self._bracketed_host if self.port == _DEFAULT_PORTS[self.scheme] else self.address

    @property
    def authorization(self) -> str:
        """The value of the Authorization header; empty when there are no credentials."""
        return "Basic " + base64.b64encode(self.credentials).decode("ascii") if self.credentials else ""

    @property
    def _bracketed_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_field}{self.target}"

    def __repr__(self) -> str:
        return f"StreamUrl({self})"


def _credentials(user: str | None, password: str | None) -> bytes:
    if not user and not password:
        return b""
    return unquote_to_bytes(user or "") + b":" + unquote_to_bytes(password or "")


def _masked(url: str) -> str:
    return url.replace(";", _SEMICOLON)
