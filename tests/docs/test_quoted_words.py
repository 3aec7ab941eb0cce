"""What pages say that the program says, it says: nobody finds a message by words that have changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = ["docs/troubleshooting.md", "docs/tutorial.md", *(f"docs/{part}" for part in ("how-to", "concepts"))]
_LOG_LINE = re.compile(r"^(?:info|warning|error) [\w ]+: (.+)$", re.MULTILINE)
_FIELD = re.compile(r" (\w+)=")
_FILLED_IN = re.compile(r"…|\.\.\.|“.*?”|https?://\S+|\d\S*|[()*;:,]|\binput\b|\boutput\b|\bemergency\b")
"""What stands in place of a name, a number or an address; and what joins sentences."""
LEAST_CHARACTERS = 8
"""Of a piece between two of these; shorter ones prove nothing."""


@cache
def program_words() -> str:
    """All texts in the source, a line for each."""
    found = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                found.append(node.arg)
    return "\n".join(found)


def quotes(markdown: str) -> Iterator[str]:
    """Words in italics, and lines of a log."""
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type in {"code_block", "fence"}:
            yield from (line[1] for line in _LOG_LINE.finditer(token.content))
        children = token.children or []
        for at, child in enumerate(children):
            if child.type == "em_open":
                end = next(n for n in range(at, len(children)) if children[n].type == "em_close")
                yield "".join(one.content or " " for one in children[at + 1 : end])


def pieces(quote: str) -> Iterator[str]:
    """Those of a quote that stand in the source as they are."""
    message = _FIELD.split(quote)[0]
    for piece in _FILLED_IN.split(message):
        if len(piece.strip()) >= LEAST_CHARACTERS:
            yield piece.strip()
    yield from _FIELD.findall(quote)


def is_said(piece: str) -> bool:
    """Whether it stands in the source, in one piece or as two that are put together."""
    whole, words = program_words(), piece.split(" ")
    halves = ((" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words)))
    return piece in whole or any(one in whole and other in whole for one, other in halves)


def _pages() -> list[Path]:
    return [
        path for name in PAGES for path in sorted((ROOT / name).rglob("*.md") if "." not in name else [ROOT / name])
    ]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_the_program_says_so(page: Path) -> None:
    found = [piece for quote in quotes(page.read_text(encoding="utf-8")) for piece in pieces(quote)]
    assert [piece for piece in found if not is_said(piece)] == []


def test_many_words_are_quoted() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    assert len([piece for quote in quotes(page) for piece in pieces(quote)]) > 40


def test_other_words_are_noticed() -> None:
    page = 'It says *the wire was torn* and\n\n    warning b input: the link is down peer=x blamed="y"\n'
    assert [piece for quote in quotes(page) for piece in pieces(quote) if not is_said(piece)] == [
        "the wire was torn",
        "blamed",
    ]
