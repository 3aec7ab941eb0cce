"""Commands that pages tell operators to type are commands of the program, with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

from distreamer.cli.main import commands

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_CALL = re.compile(r"^(?:sudo )?(?:\S*/)?distreamer (.+)$", re.MULTILINE)


def calls(markdown: str) -> Iterator[list[str]]:
    """The words behind ``distreamer`` of all its calls in the code of a page."""
    for token in MarkdownIt("commonmark").parse(markdown):
        if token.type in {"code_block", "fence"}:
            for call in _CALL.finditer(token.content.replace("\\\n", " ")):
                yield shlex.split(call[1], comments=True)


def fault(words: list[str]) -> str:
    """What is wrong with a call; empty when nothing is."""
    command: click.Command = commands
    while isinstance(command, click.Group) and words and not re.search(r"[./]", words[0]):
        found = command.commands.get(words[0])
        if found is None:
            return f"there is no command {words[0]}"
        command, words = found, words[1:]
    if isinstance(command, click.Group):
        command = commands.commands["run"]
    known = {"--help", *(name for option in command.params for name in (*option.opts, *option.secondary_opts))}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in known]
    return f"{command.name} has no {', '.join(unknown)}" if unknown else ""


FOUND = [(page, words) for page in PAGES for words in calls(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("page", "words"), [pytest.param(page, words, id=f"{page.name}: {' '.join(words)}") for page, words in FOUND]
)
def test_a_command_of_a_page_is_one_of_the_program(page: Path, words: list[str]) -> None:
    assert fault(words) == "", page


def test_pages_have_commands() -> None:
    assert len(FOUND) > 10


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("chaos pc-a:7080 --lost 3", "chaos has no --lost"),
        ("chek a.conf", "there is no command chek"),
        ("a.conf b.conf", ""),
        ("config sample", ""),
    ],
)
def test_what_is_wrong_is_noticed(call: str, expected: str) -> None:
    assert fault(call.split()) == expected
