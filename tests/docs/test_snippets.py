"""Whatever a page tells operators to write into a configuration is accepted by the program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from distreamer.config.describe import facts_of
from distreamer.config.loader import parse
from distreamer.errors import ConfigError
from distreamer.runtime.modules import REGISTRY

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
_SECTION = re.compile(r"^\[(GENERAL|INPUT|OUTPUT|ALERT)\b.*\]$", re.MULTILINE)
_CONFIG = re.compile(r"^(\[(GENERAL|INPUT|OUTPUT|ALERT)\b|[A-Z]{3,} = )", re.MULTILINE)
_LINE = re.compile(r"^(#.*|;.*|\[.+\]|[A-Z]{3,} = .*)$")
_INPUT = "[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = http://radio.example:8000/live\n"
_OUTPUT = "[OUTPUT]\nMODE = DiStreamerServer\nPORT = 0\n"


def snippets(markdown: str) -> Iterator[str]:
    """The configurations among the code of a page; commands that stand in the same block are left out."""
    for token in MarkdownIt("commonmark").parse(markdown):
        if token.type not in {"fence", "code_block"}:
            continue
        if token.info == "ini":
            yield token.content
        elif _CONFIG.search(token.content):
            parts = token.content.strip("\n").split("\n\n")
            yield "\n\n".join(one for one in parts if all(_LINE.match(line) for line in one.split("\n"))) + "\n"


def _accept(text: str) -> None:
    """Raises what ``distreamer check`` says of a configuration, or of a part of one with all else added."""
    assert _CONFIG.search(text), "nothing is left of it"
    found = {section[0].strip("[]") for section in _SECTION.finditer(text)}
    if found:
        missing = [part for part in (_INPUT, _OUTPUT) if part.split("]")[0][1:] not in found]
        parse(("\n".join([text, *missing])).encode(), Path("page.conf"), REGISTRY, {})
        return
    # Keys alone: there must be a section that takes all of them.
    complaints = []
    for whole in _sections_around(text):
        try:
            parse(whole.encode(), Path("page.conf"), REGISTRY, {})
        except ConfigError as error:
            complaints.append(str(error))
        else:
            return
    raise ConfigError([f"no section takes {text!r}: {complaints[0]}"])


def _sections_around(text: str) -> Iterator[str]:
    yield f"[GENERAL]\n{text}\n{_INPUT}{_OUTPUT}"
    for section, modes, other in (("INPUT", REGISTRY.inputs, _OUTPUT), ("OUTPUT", REGISTRY.outputs, _INPUT)):
        for mode, model in modes.items():
            required = [
                f"{fact.key} = {fact.example}" for fact in facts_of(model) if fact.required and fact.key != "MODE"
            ]
            added = [line for line in required if not re.search(f"^{line.split()[0]} =", text, re.MULTILINE)]
            yield f"{other}[{section}]\nMODE = {mode}\n" + "\n".join([*added, text])


CASES = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, text in enumerate(snippets(page.read_text(encoding="utf-8")), 1)
]


@pytest.mark.parametrize("text", CASES)
def test_a_configuration_of_a_page_is_accepted(text: str) -> None:
    _accept(text)


def test_pages_have_many_configurations() -> None:
    assert len(CASES) > 45


@pytest.mark.parametrize(
    "text",
    [
        "[OUTPUT]\nMODE = ShoutcastServer\nPORT = many\n",
        "[GENERAL]\nDELAI = 25\n",
        "[GENERAL]\nDELAY = 400\n",
        "DELAY = 25\nPORT = 8080\n",
        "[INPUT]\nMODE = ShoutcastClient\n",
    ],
    ids=["a value", "a key", "DELAY above HISTORY", "keys of two sections", "a required key"],
)
def test_what_is_wrong_is_noticed(text: str) -> None:
    with pytest.raises(ConfigError):
        _accept(text)


def test_commands_beside_a_configuration_are_left_out() -> None:
    indented = "    [GENERAL]\n    DELAY = 25\n\n    distreamer check x.conf"
    page = f"Text:\n\n{indented}\n\nMore:\n\n    NAME = x\n\n```sh\nls\n```\n"
    assert list(snippets(page)) == ["[GENERAL]\nDELAY = 25\n", "NAME = x\n"]
