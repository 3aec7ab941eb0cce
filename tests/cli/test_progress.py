"""What is said of work that takes its time."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from distreamer.cli import progress as progress_module
from distreamer.cli.progress import progress


class Screen(io.StringIO):
    """Standard error."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal
        self.has_said = threading.Event()

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        self.has_said.set()
        return super().write(text)


def test_a_terminal_is_told_and_cleared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress_module, "PATIENCE_SECONDS", 0)
    with progress("asking"):
        assert screen.has_said.wait(60)
    assert screen.getvalue() == "asking …\r\x1b[K"


def test_what_ends_soon_needs_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress_module, "PATIENCE_SECONDS", 600)
    with progress("asking"):
        pass
    assert screen.getvalue() == ""


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress_module, "PATIENCE_SECONDS", 0)
    with progress("asking"):
        assert not screen.has_said.is_set()
    assert screen.getvalue() == ""
