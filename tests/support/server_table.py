"""The table of the servers that IcecastClient sends to, which the tests fill."""

from __future__ import annotations

import pytest

ICECAST_PUT = "Icecast 2.4 (PUT)"
ICECAST_SOURCE = "Icecast 2.4 (SOURCE)"
ICECAST_TLS = "Icecast 2.4 (PUT over TLS)"
HARBOR_PUT = "liquidsoap input.harbor (PUT)"
HARBOR_SOURCE = "liquidsoap input.harbor (SOURCE)"
SHOUTCAST = "SHOUTcast 1 (our own source server)"
ROWS = (ICECAST_PUT, ICECAST_SOURCE, ICECAST_TLS, HARBOR_PUT, HARBOR_SOURCE, SHOUTCAST)

AUDIO = "audio"
TITLES = "titles"
COLUMNS = (AUDIO, TITLES)


def proves(row: str, column: str) -> pytest.MarkDecorator:
    """The mark of a test that fills this cell."""
    return pytest.mark.proves("servers", row=row, column=column)
