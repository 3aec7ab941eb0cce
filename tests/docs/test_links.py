"""Links of the pages lead somewhere: in the repository as it is, and on the site that is made of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from scripts.site_links import anchor_of, faults, html_document, markdown_document, site_faults

ROOT = Path(__file__).parents[2]


def pages() -> list[Path]:
    """Every Markdown file that belongs to the repository's documentation."""
    folders = (ROOT / "docs", ROOT / "examples")
    return [*sorted(ROOT.glob("*.md")), *(path for folder in folders for path in sorted(folder.rglob("*.md")))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` does it: what is only a warning fails it."""
    folder = tmp_path_factory.mktemp("site")
    command = ["properdocs", "build", "--strict", "--config-file", "mkdocs.yml", "--site-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_links_of_the_site_lead_somewhere(site: Path) -> None:
    assert site_faults(site) == []


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"<(?:script|img|link|iframe|source)\b[^>]*(?:src|href)=.(?:https?:)?//[^>]*>", text) == []


def test_every_page_is_on_the_site_and_its_first_one_leads_to_it(site: Path) -> None:
    """By the menu, which every page has."""
    names = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    names = {re.sub(r"README\.html$", "index.html", name) for name in names}
    menu = set(html_document((site / "index.html").read_text(encoding="utf-8")).links)
    assert names <= menu | {"index.html"}


def test_links_in_the_repository_lead_somewhere() -> None:
    documents = {
        path.relative_to(ROOT).as_posix(): markdown_document(path.read_text(encoding="utf-8")) for path in pages()
    }
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = set(tracked.stdout.splitlines())
    folders = {parent.as_posix() for file in files for parent in Path(file).parents}
    assert list(faults(documents, files | folders)) == []


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_is_the_same_on_the_site_as_in_the_repository(path: Path, site: Path) -> None:
    """The two renderers do not take all Markdown alike: a list right behind a line of text is none on the site."""
    name = path.relative_to(ROOT).as_posix()
    name = name.removeprefix("docs/") if name.startswith("docs/") else f"repository/{name}"
    built = site / re.sub(r"README\.html$", "index.html", name.removesuffix(".md") + ".html")
    if not built.exists():
        pytest.fail(f"{name} is not on the site") if name.startswith("docs") else None
        return
    repository = MarkdownIt("commonmark").enable("table").render(path.read_text(encoding="utf-8"))
    shown = built.read_text(encoding="utf-8").partition('role="main">')[2].partition("<footer")[0]
    for tag in ("li", "table", "tr", "td", "pre", "h2", "h3", "img", "blockquote"):
        counts = [len(re.findall(rf"<{tag}[\s>]", text)) for text in (repository, shown)]
        assert counts[0] == counts[1], f"<{tag}>"


DAMAGED = {
    "a.html": '<h1 id="top">A</h1><a href="b.html#there">x</a><a href="https://radio.example/x">y</a>'
    '<img src="p.svg" alt="p">',
    "b.html": '<h2 id="there">B</h2>',
}


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ("", ""),
        ('<a href="c.html">x</a>', "c.html: there is no c.html"),
        ('<a href="#nowhere">x</a>', "#nowhere: a.html has no anchor #nowhere"),
        ('<a href="b.html#nowhere">x</a>', "b.html#nowhere: b.html has no anchor #nowhere"),
        ('<img src="q.svg" alt="q">', "q.svg: there is no q.svg"),
        ('<img src="p.svg">', "the picture p.svg has no words"),
        ('<a href="/b.html">x</a>', "/b.html: must be relative, so that the site may be anywhere"),
        ('<a href="htps://radio.example/">x</a>', "htps://radio.example/: htps is none of http, https, mailto"),
        ('<a href="http:///x">x</a>', "http:///x: names no host"),
        ('<h2 id="top">A</h2>', "the anchor #top is there more than once"),
    ],
)
def test_the_check_finds_what_is_wrong(added: str, fault: str) -> None:
    documents = {name: html_document(text) for name, text in DAMAGED.items()}
    documents["a.html"] = html_document(DAMAGED["a.html"] + added)
    assert list(faults(documents, {*DAMAGED, "p.svg"})) == ([f"a.html: {fault}"] if fault else [])


def test_a_site_without_pages_is_at_fault(tmp_path: Path) -> None:
    assert site_faults(tmp_path) == [f"{tmp_path}: there is no page"]


def test_anchors_are_those_of_the_forge() -> None:
    assert anchor_of("Polling: DiStreamerServer (port 7080) and `X`") == "polling-distreamerserver-port-7080-and-x"
    assert anchor_of("A & B") == "a--b"
