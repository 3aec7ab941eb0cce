"""The one password of a source server, in all the forms in which encoders give it."""

from __future__ import annotations

import re
from hmac import compare_digest

from distreamer.protocol.basic_auth import basic_credentials
from distreamer.protocol.charset import one_line, repaired

DEFAULT_USER = "source"
"""Who gives a password alone (Icecast's name for it)."""

_STREAM_NUMBER = re.compile(rb":#\d{1,9}\Z")


class Credentials:
    """Tells whether a password is right, in a time that does not depend on how much of it is.

    An empty password lets everyone in. Any user name will do: it only tells encoders apart.
    """

    def __init__(self, password: str) -> None:
        self.is_open = not password
        """Whether no password is needed."""
        # Old encoders send Latin-1.
        self._accepted = tuple({password.encode(), password.encode("latin-1", "replace")})

    def of_line(self, line: bytes) -> str | None:
        """The user of a SHOUTcast password; None when it is wrong.

        ``password``, ``user:password`` and, from DNAS 2, either with ``:#`` and the number of the stream behind.
        """
        user: str | None = None
        for text in (line, _STREAM_NUMBER.sub(b"", line)):
            name, _, rest = text.partition(b":")
            for who, given in ((b"", text), (name, rest)):
                if self._is_right(given) and user is None:
                    user = _spoken_user(who)
        return user

    def of_basic(self, authorization: str) -> str | None:
        """The user of an ``Authorization: Basic`` field (RFC 7617); None when its password is wrong."""
        if self.is_open and not authorization:
            return DEFAULT_USER
        given = basic_credentials(authorization)
        return _spoken_user(given[0]) if given and self._is_right(given[1]) else None

    def _is_right(self, given: bytes) -> bool:
        return self.is_open or sum(compare_digest(given, one) for one in self._accepted) > 0

    def __repr__(self) -> str:
        return "Credentials()"


def _spoken_user(user: bytes) -> str:
    return one_line(repaired(user))[:64] or DEFAULT_USER
