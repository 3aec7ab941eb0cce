"""A source server for each test of an encoder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.encoders import Case, opened_case


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    async with opened_case(tmp_path) as one:
        yield one
