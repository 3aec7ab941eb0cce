"""Who is to blame for an answer of DiStreamer 2's polling wire that cannot be used."""

from __future__ import annotations

from distreamer.errors import AuthenticationError, PeerError, ProtocolError
from distreamer.protocol.legacy.polling import RefusedError
from distreamer.protocol.legacy.schedules import PasswordRefusedError
from distreamer.sessions.legacy_address import LegacyAddress


def refusal(address: LegacyAddress, error: ProtocolError, *, ever_answered: bool) -> PeerError:
    """What is raised for ``error``. Before the server has ``ever_answered`` as it should, the path may be wrong: of
    /path/list/password a DiStreamer at / takes everything behind /path for a password."""
    if not isinstance(error, PasswordRefusedError):
        # What a server says of itself (5xx) tells nothing of the path.
        is_known = ever_answered or (isinstance(error, RefusedError) and error.status >= 500)
        stranger = f"it is no DiStreamer, or its SERVERURL has another path than {address.path or '/'}: "
        return PeerError(address.peer, str(error) if is_known else stranger + str(error))
    words = "does not accept the PASSWORD of this side"
    if address.path and not ever_answered:
        words = f"{words}, or its SERVERURL has another path than {address.path}"
    return AuthenticationError(address.peer, f"{words} ({error})")
