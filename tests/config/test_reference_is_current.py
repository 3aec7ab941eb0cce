"""What is generated and checked in is what the models say today."""

from __future__ import annotations

from pathlib import Path

from distreamer.cli.main import further_pages
from distreamer.config.reference import reference, sample
from distreamer.runtime.modules import REGISTRY

ROOT = Path(__file__).parents[2]


def test_the_referencefurther_pages_are_current() -> None:
    """Made by ``distreamer config reference --write docs/reference``."""
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs/reference").iterdir()}
    assert written == reference(REGISTRY) | further_pages()


def test_the_sample_is_current() -> None:
    """Made by ``distreamer config sample > examples/sample.conf``."""
    assert (ROOT / "examples/sample.conf").read_text(encoding="utf-8") == sample(REGISTRY)


def test_every_key_of_every_mode_is_explained() -> None:
    pages = reference(REGISTRY)
    headings = {name: page.count("\n### ") for name, page in pages.items()}
    keys = {
        f"{kind}-{mode.lower()}.md": len(model.model_fields) - 1  # MODE is the page itself
        for kind, modes in (("input", REGISTRY.inputs), ("output", REGISTRY.outputs), ("alert", REGISTRY.alerts))
        for mode, model in modes.items()
    }
    assert {name: headings[name] for name in keys} == keys
    assert all("\n\n\n" not in page for page in pages.values())  # a key without a text leaves a hole
