"""What promtool, of Prometheus, says of the metrics and of the examples."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from distreamer.admin.metric import Source
from distreamer.admin.metrics import exposition
from tests.support.programs import find_program
from tests.support.watching import full_status

EXAMPLES = Path(__file__).parents[2] / "examples/monitoring"

pytestmark = pytest.mark.integration


async def promtool(*arguments: str, given: bytes = b"", folder: Path = EXAMPLES) -> tuple[int | None, str]:
    """Its exit code, and what it said."""
    process = await asyncio.create_subprocess_exec(
        find_program("promtool"),
        *arguments,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate(given)
    return process.returncode, said.decode()


async def test_the_metrics_keep_to_the_rules_of_prometheus() -> None:
    text, _ = exposition(lambda: [Source(full_status(), {"link_down": 1})], "")
    assert await promtool("check", "metrics", given=text) == (0, "")


async def test_promtool_notices_what_breaks_them() -> None:
    code, said = await promtool("check", "metrics", given=b"# HELP a_total x\n# TYPE a_total gauge\na_total 1\n")
    assert code != 0
    assert "_total" in said


async def test_the_alert_rules_do_what_they_are_to_do() -> None:
    for arguments in (
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ):
        code, said = await promtool(*arguments)
        assert code == 0, said
        assert "SUCCESS" in said
