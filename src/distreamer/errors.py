"""Every error that DiStreamer raises on purpose.

Each says who is to blame and names the peer, the value and the limit, in one sentence that a person
can act on. What is not one of these is a defect of DiStreamer.
"""

from __future__ import annotations

DEFECT = "a defect in DiStreamer; please report it"
"""What the log says of everything else."""


class DiStreamerError(Exception):
    """The root of all documented errors."""


class ConfigError(DiStreamerError):
    """The configuration cannot be used; ``problems`` holds one sentence for each fault, all at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LinkError(DiStreamerError):
    """A connection to ``peer`` could not be made, broke or fell silent: the network is to blame."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(f"{peer}: {reason}")
        self.peer = peer
        self.reason = reason


class PeerError(DiStreamerError):
    """``peer`` answered something that it should not have: the other side is to blame."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(f"{peer}: {reason}")
        self.peer = peer
        self.reason = reason


class AuthenticationError(PeerError):
    """``peer`` refused our password, or could not prove that it knows it."""


class OtherWireError(PeerError):
    """``peer`` can be reached and speaks HTTP, but not the wire that we tried; it may speak an older one."""


class ProtocolError(DiStreamerError):
    """Bytes that break a protocol's rules; raised by the sans-IO layers, which do not know the peer."""


class AudioError(DiStreamerError):
    """Audio that cannot be made, read or converted."""


class BindError(DiStreamerError):
    """A local address or port cannot be listened on: this machine's configuration is to blame."""


class ResourceError(DiStreamerError):
    """This machine lacks something that is needed: a package, a program, a file, a permission."""
