"""The commands that print what the models know: ``modules`` and ``config``."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.config.describe import summary_of
from distreamer.config.reference import INDEX, is_index, is_mode_page
from distreamer.config.reference import reference as reference_pages
from distreamer.config.reference import sample as sample_file
from distreamer.config.registry import MODULE_KINDS, NEEDED_KINDS, ModuleKind, Registry
from distreamer.config.schema import schema as json_schema
from distreamer.config.wording import did_you_mean
from distreamer.errors import ResourceError

PIPE_WIDTH = 160
"""Columns, where there is no terminal to ask."""
LONGEST_LINE = 200
"""Characters of a file's first line that are looked at."""

_MODULES_EXAMPLES = examples({"distreamer modules": "all of them", "distreamer modules | grep Icecast": "some"})
_GROUP_EXAMPLES = examples(
    {
        "distreamer config sample > new.conf": "begin a configuration",
        "distreamer config reference | less": "read the manual",
    }
)
_SAMPLE_EXAMPLES = examples(
    {
        "distreamer config sample > new.conf": "begin a configuration",
        "distreamer config sample --input File --output HlsServer": "with other modules",
    }
)
_REFERENCE_EXAMPLES = examples(
    {
        "distreamer config reference | less": "read it",
        "distreamer config reference --write manual": "one page a file",
    }
)
_SCHEMA_EXAMPLES = examples({"distreamer config schema > schema.json": "for an editor, or a program"})


@click.command(epilog=_MODULES_EXAMPLES)
@click.pass_obj
def modules(application: Application) -> None:
    """List the MODEs of inputs, outputs and alerts."""
    registry = application.registry()
    table = Table("section", "MODE", "what it does", box=None, pad_edge=False)
    for kind in MODULE_KINDS:
        for mode, model in registry.modes(kind).items():
            table.add_row(f"\\[{kind}]", mode, summary_of(model))
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


@click.group(name="config", epilog=_GROUP_EXAMPLES)
def config_group() -> None:
    """Print a sample file, the reference or a JSON schema."""


@config_group.command(epilog=_SAMPLE_EXAMPLES)
@click.option("--input", "input_mode", metavar="MODE", help="The input; ShoutcastClient unless told.")
@click.option("--output", "output_mode", metavar="MODE", help="The output; ShoutcastServer unless told.")
@click.pass_obj
def sample(application: Application, input_mode: str | None, output_mode: str | None) -> None:
    """Print a sample file with every key of an input and an output."""
    registry = application.registry()
    chosen = [_known(registry, kind, mode) for kind, mode in zip(NEEDED_KINDS, (input_mode, output_mode), strict=True)]
    click.echo(sample_file(registry, *chosen), nl=False)


@config_group.command(epilog=_REFERENCE_EXAMPLES)
@click.option(
    "--write", "folder", metavar="FOLDER", type=click.Path(path_type=Path), help="Write the pages there instead."
)
@click.pass_obj
def reference(application: Application, folder: Path | None) -> None:
    """Print the reference of all keys, in Markdown.

    Of the files in FOLDER only earlier pages of the reference are replaced or, where a MODE is no more, taken away.
    """
    pages = reference_pages(application.registry())
    if folder is None:
        click.echo("\n".join(pages.values()), nl=False)
        return
    pages |= application.pages()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        index = folder / INDEX
        if index.exists() and not is_index(_first_line(index)):
            raise ResourceError(f"{index} is not of the reference, and stays as it is; name a folder of its own")
        for page in set(folder.glob("*.md")) - {folder / name for name in pages}:
            if page.is_file() and is_mode_page(_first_line(page)):
                page.unlink()
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResourceError(f"the reference cannot be written: {error}") from error
    click.echo(f"{len(pages)} pages written to {folder}")


@config_group.command(epilog=_SCHEMA_EXAMPLES)
@click.pass_obj
def schema(application: Application) -> None:
    """Print the configuration's JSON schema."""
    click.echo(json.dumps(json_schema(application.registry()), indent=2, ensure_ascii=False))


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.readline(LONGEST_LINE)


def _known(registry: Registry, kind: ModuleKind, mode: str | None) -> str | None:
    if mode is None:
        return None
    known = registry.spelling(kind, mode)
    if known is None:
        guess = did_you_mean(mode, registry.modes(kind)) or f"; {registry.choice(kind)}"
        raise click.UsageError(f"there is no {kind.lower()} {mode}{guess}")
    return known
