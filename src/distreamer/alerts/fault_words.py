"""Why an alert could not be delivered, in words, whatever it goes by."""

from __future__ import annotations

import socket
import ssl

from distreamer.config.wording import shown
from distreamer.units import spoken_seconds


def unanswered(seconds: float) -> str:
    """The receiver was given ``seconds``."""
    return f"has not answered within {spoken_seconds(seconds)}"


def lookup_fault(error: socket.gaierror | UnicodeError) -> str:
    """The receiver's name has no address, or is none."""
    return f"the name cannot be looked up: {error.strerror if isinstance(error, socket.gaierror) else 'it is none'}"


def certificate_fault(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate is not taken."""
    return f"its certificate is not valid: {error.verify_message or error.reason or error}"


def tls_fault(error: Exception) -> str:
    """Anything else that goes wrong with TLS."""
    return f"does not speak TLS as expected: {shown(str(getattr(error, 'reason', None) or error))}"
