"""One carrier of a link, from its first packet until its conversation has ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from distreamer.sessions.native_session import NativeSession
from distreamer.sessions.native_side import LinkSession


@dataclass(eq=False, slots=True)
class Attempt:
    """What is known of it."""

    is_better: bool = False
    """Whether it is of the kind that is preferred."""
    is_relief: bool = False
    """Whether it is to replace one of the other kind that brings too little."""
    task: asyncio.Task[None] | None = None
    conversation: LinkSession | None = None
    is_ready: bool = False

    @property
    def is_pending(self) -> bool:
        return not self.is_ready and self.task is not None and not self.task.done()

    @property
    def session(self) -> NativeSession:
        assert self.conversation is not None
        return self.conversation.session
