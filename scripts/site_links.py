"""Checks the links of the built site (``python -m scripts.site_links build/site``), or of the repository's Markdown.

What leads to another place of the same site must be there, with its anchor; of what leads elsewhere only the form is
looked at, for that place may be down without our doing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ELSEWHERE = ("http", "https", "mailto")
_LINKING = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


@dataclass(slots=True)
class Document:
    """What matters of a page."""

    anchors: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    pictures_without_words: list[str] = field(default_factory=list)
    """Pictures whose ``alt`` is empty."""


def anchor_of(heading: str) -> str:
    """As GitHub makes it: lower case, punctuation left out, a hyphen for each space."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def faults(documents: Mapping[str, Document], files: set[str]) -> Iterator[str]:
    """What is wrong, a line for each. ``documents`` have their paths as names; ``files`` may be linked to."""
    for path, document in sorted(documents.items()):
        twice = {one for one in document.anchors if document.anchors.count(one) > 1}
        yield from (f"{path}: the anchor #{one} is there more than once" for one in sorted(twice))
        yield from (f"{path}: the picture {one} has no words" for one in document.pictures_without_words)
        for link in document.links:
            fault = _fault(path, link, documents, files)
            if fault:
                yield f"{path}: {link}: {fault}"


def _fault(path: str, link: str, documents: Mapping[str, Document], files: set[str]) -> str:
    try:
        parts = urlsplit(link)
    except ValueError as error:
        return str(error)
    if parts.scheme:
        if parts.scheme not in ELSEWHERE:
            return f"{parts.scheme} is none of {', '.join(ELSEWHERE)}"
        return "" if parts.hostname or parts.scheme == "mailto" else "names no host"
    if parts.netloc or parts.path.startswith("/"):
        return "must be relative, so that the site may be anywhere"
    target = normpath(f"{path}/../{unquote(parts.path)}") if parts.path else path
    if target not in files:
        return f"there is no {target}"
    if parts.fragment and target in documents and unquote(parts.fragment) not in documents[target].anchors:
        return f"{target} has no anchor #{parts.fragment}"
    return ""


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.document = Document()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.document.anchors.append(values["id"])
        link = values.get(_LINKING.get(tag, ""))
        if link is not None:
            self.document.links.append(link)
        if tag == "img" and not values.get("alt"):
            self.document.pictures_without_words.append(link or "")


def html_document(text: str) -> Document:
    """A page of the site."""
    page = _Page()
    page.feed(text)
    page.close()
    return page.document


def markdown_document(text: str) -> Document:
    """A file of the repository, as GitHub shows it."""
    document = Document()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            document.anchors.append(anchor_of(_words(tokens[at + 1])))
        for child in token.children or ():
            if child.type == "link_open":
                document.links.append(str(child.attrGet("href")))
            elif child.type == "image":
                document.links.append(str(child.attrGet("src")))
                if not child.content:
                    document.pictures_without_words.append(str(child.attrGet("src")))
    return document


def _words(heading: Token) -> str:
    return "".join(child.content for child in heading.children or () if child.type in {"text", "code_inline"})


def site_faults(folder: Path) -> list[str]:
    """Of all pages of a built site."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    pages = {one: html_document((folder / one).read_text(encoding="utf-8")) for one in files if one.endswith(".html")}
    if not pages:
        return [f"{folder}: there is no page"]
    return list(faults(pages, files))


def main() -> int:
    """0 when every link leads somewhere."""
    found = [fault for folder in sys.argv[1:] for fault in site_faults(Path(folder))]
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
