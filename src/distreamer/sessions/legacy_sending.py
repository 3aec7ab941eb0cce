"""The sending end of a persistent DiStreamer 2 conversation, fed from a store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Self

from distreamer.core.module import OutputContext
from distreamer.core.ports import ByteStream
from distreamer.core.store import START, Store
from distreamer.errors import LinkError
from distreamer.protocol.legacy.renderer import FragmentRenderer, Rendering
from distreamer.protocol.legacy.rounds import RoundWriter

NO_OGG_BY_POLLING = "the polling wire of DiStreamer 2 cannot carry Ogg: use its persistent modules, or MP3 or AAC"
"""For the log: the headers, without which nobody can play the fragments, have no place on that wire."""


class RenderedStore:
    """A store as DiStreamer 2 would hold it. What was rendered is shared by all conversations."""

    def __init__(self, store: Store, renderer: FragmentRenderer) -> None:
        self._store = store
        self._renderer = renderer
        self._position = START

    @classmethod
    def of(cls, context: OutputContext) -> Self:
        """The store of an output, cut as the instance's input wants it. Generations are counted from the time of the
        start, so that a receiver that missed a restart notices it."""
        shape = context.legacy
        first_sourcegen = int(context.clock.wall())
        renderer = FragmentRenderer(shape.fragment_bytes, shape.fragments, shape.icyint, first_sourcegen)
        return cls(context.store, renderer)

    def rendering(self) -> Rendering:
        """What there is now."""
        while (fragment := self._store.after(self._position)) is not None:
            self._renderer.add(self._store.epoch_of(fragment).info, fragment)
            self._position = self._store.position_of(fragment)
        return self._renderer.rendering()


async def send_rounds(
    stream: ByteStream, rendered: RenderedStore, holdings: Iterable[int], interval_seconds: float, stuck_seconds: float
) -> None:
    """Sends what is new every ``interval_seconds``, until it is cancelled. Raises LinkError when the receiver went
    away, or did not take a message within ``stuck_seconds``."""
    writer = RoundWriter(holdings)
    closed = asyncio.create_task(_until_closed(stream), name=f"end of {stream.peer}")
    try:
        while not closed.done():
            for message in writer.round(rendered.rendering()):
                await _write_within(stream, message, stuck_seconds)
            await asyncio.wait({closed}, timeout=interval_seconds)
        closed.result()
    finally:
        closed.cancel()
        await asyncio.wait({closed})


async def _write_within(stream: ByteStream, message: bytes, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stream.write(message)
    except TimeoutError as error:
        raise LinkError(stream.peer, f"did not take {len(message)} bytes within {seconds:g} s") from error


async def _until_closed(stream: ByteStream) -> None:
    """A receiver says nothing any more; what it says all the same is dropped."""
    while await stream.read():
        pass
    raise LinkError(stream.peer, "the receiver closed the connection")
