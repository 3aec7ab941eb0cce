"""What the site needs beyond the pages in docs/: the files of the repository that these link to, and its anchors.

Links in docs/ lead from file to file, as the repository has them. The site holds only docs/; so each file outside that
is linked to gets a page below repository/, and links to it are led there. ``mkdocs.yml`` names this file.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from properdocs.config.defaults import ProperDocsConfig
from properdocs.structure.files import File, Files, InclusionLevel
from properdocs.structure.pages import Page

from scripts.site_links import anchor_of

ROOT = Path(__file__).resolve().parents[1]
DOCS, OTHERS = "docs/", "repository/"
"""Folders: of the pages in the repository, and of everything else on the site."""
_LINK = re.compile(r"\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_config(config: ProperDocsConfig) -> ProperDocsConfig:
    """Headings have the same anchors on the site and in the repository."""
    config.theme.static_templates.discard("404.html")  # It would need to know where the site is.
    config.mdx_configs["toc"] = {**config.mdx_configs.get("toc", {}), "slugify": lambda text, _: anchor_of(text)}
    return config


def on_files(files: Files, config: ProperDocsConfig) -> Files:
    """Adds the files outside docs/ that pages link to, and those that these link to."""
    waiting = [DOCS + file.src_uri for file in files.documentation_pages()]
    known = set(waiting)
    while waiting:
        path = waiting.pop()
        if not path.endswith(".md"):
            continue
        for link in _LINK.finditer((ROOT / path).read_text(encoding="utf-8")):
            target = _target(path, link[1])
            if target in known or target.startswith(DOCS) or not (ROOT / target).is_file():
                continue
            known.add(target)
            waiting.append(target)
            files.append(_page(target, config))
    return files


def on_page_markdown(markdown: str, page: Page, config: ProperDocsConfig, files: Files) -> str:
    """Leads links out of docs/, and those back, to where the site has the files."""
    uri = page.file.src_uri
    path = _path_of(uri)

    def led(link: re.Match[str]) -> str:
        target = _target(path, link[1])
        if path.startswith(DOCS) and target.startswith(DOCS):
            return link[0]
        return f"]({posixpath.relpath(_uri_of(target), posixpath.dirname(uri) or '.')}{link[2] or ''})"

    return _LINK.sub(led, markdown)


def _page(path: str, config: ProperDocsConfig) -> File:
    """The page of a file outside docs/; one that is no Markdown is shown as it is."""
    if path.endswith(".md"):
        return File.generated(config, _uri_of(path), abs_src_path=str(ROOT / path), inclusion=InclusionLevel.NOT_IN_NAV)
    text = (ROOT / path).read_text(encoding="utf-8")
    return File.generated(
        config, _uri_of(path), content=f"# {path}\n\n~~~~\n{text}\n~~~~\n", inclusion=InclusionLevel.NOT_IN_NAV
    )


def _target(path: str, link: str) -> str:
    """What a link in the file ``path`` leads to; both are paths in the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def _uri_of(path: str) -> str:
    """Where the site has a file of the repository."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return OTHERS + (path if path.endswith(".md") else path + ".md")


def _path_of(uri: str) -> str:
    """The file of the repository that a page of the site is."""
    return uri.removeprefix(OTHERS) if uri.startswith(OTHERS) else DOCS + uri
