"""Why a QUIC connection ended, in words."""

from __future__ import annotations

from aioquic.quic.events import ConnectionTerminated
from aioquic.quic.packet import QuicErrorCode

REASON_CHARACTERS = 200
"""A reason must fit into one packet."""
_ALERT = QuicErrorCode.CRYPTO_ERROR
_CERTIFICATE_ALERTS = range(_ALERT + 42, _ALERT + 50)
_NO_APPLICATION_PROTOCOL = _ALERT + 120


def spoken_end(event: ConnectionTerminated) -> str:
    """What ``event`` means for those who used the connection."""
    if event.reason_phrase == "Idle timeout":
        return "nothing came any more"
    if event.error_code in _CERTIFICATE_ALERTS:
        return f"its certificate is not valid: {event.reason_phrase}"
    if event.error_code == _NO_APPLICATION_PROTOCOL:
        return "it speaks something else over QUIC"
    return event.reason_phrase[:REASON_CHARACTERS] or "the other side closed the connection"
