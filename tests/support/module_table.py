"""The table of the modules that connect two DiStreamers, which the tests fill."""

from __future__ import annotations

import pytest

DISTREAMER_SERVER = "DiStreamerServer (sends, is dialled)"
DISTREAMER_CLIENT = "DiStreamerClient (receives, dials)"
DISTREAMER_PERS_SERVER = "DiStreamerPersServer (sends, is dialled, persistent)"
DISTREAMER_PERS_CLIENT = "DiStreamerPersClient (receives, dials, persistent)"
DISTREAMER_REV_SERVER = "DiStreamerRevServer (receives, is dialled)"
DISTREAMER_REV_CLIENT = "DiStreamerRevClient (sends, dials)"
DISTREAMER_PERS_REV_SERVER = "DiStreamerPersRevServer (receives, is dialled, persistent)"
DISTREAMER_PERS_REV_CLIENT = "DiStreamerPersRevClient (sends, dials, persistent)"
PERSISTENT_ROWS = (
    *(DISTREAMER_PERS_SERVER, DISTREAMER_PERS_CLIENT),
    *(DISTREAMER_PERS_REV_SERVER, DISTREAMER_PERS_REV_CLIENT),
)
ROWS = (
    *(DISTREAMER_SERVER, DISTREAMER_CLIENT, DISTREAMER_REV_SERVER, DISTREAMER_REV_CLIENT),
    *PERSISTENT_ROWS,
)

RECORDED = "a recorded DiStreamer 2"
OLD_WIRE = "DiStreamer 3, old wire"
NATIVE_WIRE = "DiStreamer 3, native wire"
DAMAGED = "damaged recordings"
COLUMNS = (RECORDED, OLD_WIRE, NATIVE_WIRE, DAMAGED)

NOT_OFFERED: dict[tuple[str, str], str] = {
    (row, NATIVE_WIRE): "persistent modules speak the old wire only" for row in PERSISTENT_ROWS
}
"""The cells of the table that no test can fill, with the reason."""


def proves(row: str, column: str) -> pytest.MarkDecorator:
    """The mark of a test that fills this cell."""
    return pytest.mark.proves("modules", row=row, column=column)
