"""Numbers on the command line that no command can use."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from distreamer.cli.main import commands


@pytest.mark.parametrize(
    "command",
    [
        ("listen", "http://a.example/", "--seconds"),
        ("probe", "http://a.example/", "--seconds"),
        ("top", "--seconds"),
        ("demo", "--seconds"),
        ("demo", "--cut"),
        ("chaos", "a.example:7080", "--loss"),
        ("chaos", "a.example:7080", "--seconds"),
    ],
)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
def test_what_is_no_usable_number_is_refused(command: tuple[str, ...], number: str) -> None:
    result = CliRunner().invoke(commands, [*command, number])
    assert result.exit_code == 2
    assert f"Invalid value for '{command[-1]}'" in result.stderr
