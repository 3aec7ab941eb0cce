"""Our modules in pairs on the wires of DiStreamer 2, over real sockets, while the link breaks again and again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from distreamer.core.module import InputContext, Module, OutputContext
from distreamer.core.store import Store
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.inputs.distreamer_pers_client import DiStreamerPersClient, DiStreamerPersClientSettings
from distreamer.inputs.distreamer_pers_rev_server import DiStreamerPersRevServer, DiStreamerPersRevServerSettings
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from distreamer.outputs.distreamer_pers_rev_client import DiStreamerPersRevClient, DiStreamerPersRevClientSettings
from distreamer.outputs.distreamer_pers_server import DiStreamerPersServer, DiStreamerPersServerSettings
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.transport.relay import Relay
from tests.support.input_context import input_context, stored_audio, stored_titles
from tests.support.legacy_programme import SHAPE, LegacyProgramme, stream_bytes
from tests.support.listening_modules import Serving, listening, until
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_stream
from tests.support.memory_peers import not_native, running
from tests.support.module_table import (
    DISTREAMER_CLIENT,
    DISTREAMER_PERS_CLIENT,
    DISTREAMER_PERS_REV_CLIENT,
    DISTREAMER_PERS_REV_SERVER,
    DISTREAMER_PERS_SERVER,
    DISTREAMER_REV_CLIENT,
    DISTREAMER_REV_SERVER,
    DISTREAMER_SERVER,
    OLD_WIRE,
    proves,
)
from tests.support.recorded_programme import EVERY_FRAME

SECONDS = 12
"""Of programme."""
QUICK = 0.02
"""Seconds between two rounds or polls, so that the test need not wait for them."""
PATIENCE = 60
"""Seconds that a peer may be silent: a bound, not an expectation."""
PASSWORD = "pw"

Make = Callable[[OutputContext, InputContext], tuple[Serving, Callable[[int], Module]]]
"""The module that is dialled, and how the other is made that dials its port."""


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def polling(sends: OutputContext, receives: InputContext) -> tuple[Serving, Callable[[int], Module]]:
    server = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)

    def client(port: int) -> Module:
        made = DiStreamerClientSettings(serverurl=url(port), password=PASSWORD, httptimeout=PATIENCE)
        # It believes that the server is a DiStreamer 2.
        return DiStreamerClient(made.model_copy(update={"httpinterval": QUICK}), receives, not_native)

    return DiStreamerServer(server, sends), client


def reversed_polling(sends: OutputContext, receives: InputContext) -> tuple[Serving, Callable[[int], Module]]:
    server = DiStreamerRevServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)

    def client(port: int) -> Module:
        made = DiStreamerRevClientSettings(serverurl=url(port), password=PASSWORD, httptimeout=PATIENCE)
        return DiStreamerRevClient(made.model_copy(update={"httpinterval": QUICK}), sends, not_native)

    return DiStreamerRevServer(server, receives), client


def persistent(sends: OutputContext, receives: InputContext) -> tuple[Serving, Callable[[int], Module]]:
    server = DiStreamerPersServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)
    quick = server.model_copy(update={"interval": QUICK})

    def client(port: int) -> Module:
        made = DiStreamerPersClientSettings(serverurl=url(port), password=PASSWORD, httptimeout=PATIENCE)
        return DiStreamerPersClient(made, receives)

    return DiStreamerPersServer(quick, sends), client


def reversed_persistent(sends: OutputContext, receives: InputContext) -> tuple[Serving, Callable[[int], Module]]:
    server = DiStreamerPersRevServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD, timeout=PATIENCE)

    def client(port: int) -> Module:
        made = DiStreamerPersRevClientSettings(serverurl=url(port), password=PASSWORD, timeout=PATIENCE)
        return DiStreamerPersRevClient(made.model_copy(update={"interval": QUICK}), sends)

    return DiStreamerPersRevServer(server, receives), client


def has_more(store: Store, size: int) -> Callable[[], bool]:
    """Whether more bytes of audio came."""
    return lambda: len(stored_audio(store)) > size


def pair(make: Make, name: str, *rows: str) -> object:
    return pytest.param(make, marks=[proves(row, OLD_WIRE) for row in rows], id=name)


@pytest.mark.parametrize(
    "make",
    [
        pair(polling, "polling", DISTREAMER_SERVER, DISTREAMER_CLIENT),
        pair(reversed_polling, "reversed polling", DISTREAMER_REV_SERVER, DISTREAMER_REV_CLIENT),
        pair(persistent, "persistent", DISTREAMER_PERS_SERVER, DISTREAMER_PERS_CLIENT),
        pair(reversed_persistent, "reversed persistent", DISTREAMER_PERS_REV_SERVER, DISTREAMER_PERS_REV_CLIENT),
    ],
)
async def test_nothing_is_lost_and_nothing_comes_twice_however_often_the_link_breaks(make: Make) -> None:
    programme = LegacyProgramme()
    receives = input_context(EVERY_FRAME)
    dialled, dialling = make(programme.context, receives)
    store = receives.store
    async with (
        listening(dialled) as port,
        Relay("127.0.0.1", port) as relay,
        running(dialling(relay.port), again_seconds=QUICK),
    ):
        for second in range(SECONDS):
            programme.play(1, f"Song {second // 4}" if second % 4 == 0 else "")
            if second % 3 == 1:
                relay.refuse()
                relay.restore()
            # What DiStreamer 2 sends are full fragments.
            await until(has_more(store, stream_bytes(second + 1) - 2 * SHAPE.fragment_bytes))
        assert {link.carrier for link in dialled.links()} == {"DiStreamer 2"}
    assert mp3_stream(0, SECONDS * 38).startswith(stored_audio(store))
    assert len(store.epochs) == 1
    assert not any(fragment.discontinuity for fragment in store)
    titles = stored_titles(store)
    assert [text for _, text in titles] == ["Song 0", "Song 1", "Song 2"]
    for number, (place, _) in enumerate(titles):
        # A title waits for the next metadata block, and then for the next frame.
        assert 0 <= place - stream_bytes(4 * number) <= SHAPE.icyint + MP3_FRAME_BYTES
