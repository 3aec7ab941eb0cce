"""When a module that dials may use the wire of DiStreamer 2 instead of ours, and for how long."""

from __future__ import annotations

from distreamer.errors import ConfigError, OtherWireError, ProtocolError
from distreamer.protocol.legacy.persistent import check_password

NATIVE_AGAIN_SECONDS = 600.0
"""How long that wire is used before the other side is asked for ours again: it may have been upgraded."""


def check_old_wire(
    error: OtherWireError, url: str, password: str, *, verify_tls: bool, fingerprint: str, proxy: str
) -> None:
    """Raises OtherWireError where the wire of DiStreamer 2 must not be tried after ``error``: whoever stands on the
    way with a certificate of his own could ask for it, to be told the password."""
    if proxy:
        raise OtherWireError(error.peer, f"{error.reason}; with PROXY only a DiStreamer 3 is talked to") from error
    if not url.startswith("https:"):
        return
    if fingerprint:
        raise OtherWireError(
            error.peer, f"{error.reason}; with FINGERPRINT only a DiStreamer 3 is talked to"
        ) from error
    if password and not verify_tls:
        reason = "with TLSVERIFY = no it is not sent the PASSWORD in clear, as a DiStreamer 2 would have to be"
        raise OtherWireError(error.peer, f"{error.reason}; {reason}") from error


def check_told_password(name: str, password: str) -> None:
    """Raises ConfigError, for the module ``name``, where that wire cannot carry the password."""
    try:
        check_password(password)
    except ProtocolError as error:
        raise ConfigError([f"{name}: {error}, which the server is"]) from error
