"""What ends a conversation: the codes of ``goodbye`` and the error that carries one."""

from __future__ import annotations

from enum import StrEnum

from distreamer.errors import ProtocolError


class GoodbyeCode(StrEnum):
    """Who is to blame, and what to do then: the table in ``docs/protocol.md``."""

    VERSION = "version"
    ROLE = "role"
    AUTHENTICATION = "authentication"
    PROTOCOL = "protocol"
    UNSUPPORTED = "unsupported"
    SILENCE = "silence"
    SHUTDOWN = "shutdown"
    REPLACED = "replaced"
    SPARE = "spare"
    BUSY = "busy"

    @classmethod
    def read(cls, code: str) -> GoodbyeCode:
        """The code of that name; an unknown one is read like ``shutdown``."""
        try:
            return cls(code)
        except ValueError:
            return cls.SHUTDOWN


class ConversationError(ProtocolError):
    """The peer broke a rule; ``code`` goes out in the goodbye."""

    def __init__(self, code: GoodbyeCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def broken_rule(reason: str) -> ConversationError:
    """A fault with the code ``protocol``."""
    return ConversationError(GoodbyeCode.PROTOCOL, reason)
