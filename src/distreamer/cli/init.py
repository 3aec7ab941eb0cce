"""The command ``init``."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.cli.progress import progress
from distreamer.core.interruptible import interruptible
from distreamer.errors import ResourceError
from distreamer.units import spoken_seconds

if TYPE_CHECKING:
    from distreamer.cli.init_files import Answers

_EPILOG = examples(
    {
        "distreamer init": "ask, and write both files here",
        "distreamer init station": "write them into that folder",
        "distreamer init --source http://icecast:8000/live": "ask the other four questions",
        "distreamer init --yes --address pc-a.example.org": "ask nothing; an encoder connects",
    }
)


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="[FOLDER]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--source", metavar="URL|encoder", help="Where the programme comes from.")
@click.option("--address", metavar="HOST", help="PC A, as PC B reaches it.")
@click.option("--port", metavar="PORT", help="Of PC A, for the link.")
@click.option("--buffer", "delay", metavar="SECONDS", help="How much PC B holds.")
@click.option("--listen", metavar="PORT[/MOUNT]", help="Where players connect to PC B.")
@click.option("--yes", is_flag=True, help="Ask nothing: what is not given here has its default.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.pass_context
def init(
    context: click.Context,
    folder: Path,
    source: str | None,
    address: str | None,
    port: str | None,
    delay: str | None,
    listen: str | None,
    yes: bool,
    overwrite: bool,
) -> None:
    """Write the files of PC A and PC B.

    Asks five questions, of which the options answer some beforehand, and writes studio.conf for PC A and
    transmitter.conf for PC B into FOLDER (the current one unless told), with a password that nobody guesses. They are
    readable for nobody else, and nothing is replaced unasked.
    """
    from distreamer.cli import init_files, init_questions  # late: the other commands need not wait for them

    application = context.ensure_object(Application)
    with progress("loading"):
        registry = application.registry()
    files = [folder / init_files.STUDIO, folder / init_files.TRANSMITTER]
    may_replace = overwrite or _may_replace(files, yes=yes)
    given = {"source": source, "address": address, "port": port, "delay": delay, "listen": listen}
    answers = init_files.Answers(address=init_questions.own_address())
    for question in init_questions.QUESTIONS:
        said = given[question.field]
        if said is not None:
            try:
                answers = init_questions.answered(answers, question, said, registry)
            except click.UsageError as error:
                raise click.BadParameter(error.message, param_hint=question.option) from error
    for number, question in enumerate(init_questions.QUESTIONS, 1):
        if given[question.field] is None and not yes:
            answers = init_questions.ask(answers, question, number, registry)
    if not answers.address:
        raise click.UsageError("this machine has no network by which its address can be guessed; give --address")
    texts = init_files.texts(answers, init_files.new_password(), init_files.new_password())
    _make(folder)
    init_files.write({file: texts[file.name] for file in files}, may_replace=may_replace)
    _tell(answers, files)


def _may_replace(files: Sequence[Path], *, yes: bool) -> bool:
    """Raises ResourceError when there are files that must stay."""
    there = [file for file in files if file.exists() or file.is_symlink()]
    if not there:
        return False
    names = " and ".join(map(str, there))
    verb = "is" if len(there) == 1 else "are"
    if yes:
        raise ResourceError(f"{names} {verb} there already; --overwrite replaces what is there")
    with interruptible():
        is_wanted = click.confirm(f"{names} {verb} there already. Replace?", default=False)
    if not is_wanted:
        raise ResourceError("nothing was written")
    return True


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"the folder {folder} cannot be made: {error.strerror}") from error


def _tell(answers: Answers, files: Sequence[Path]) -> None:
    """What to do with the files."""
    from distreamer.cli.init_files import ENCODER, ENCODER_PORT

    studio, transmitter = files
    program = _program()
    click.echo(f"\nWritten: {studio} for PC A, {transmitter} for PC B.")
    click.echo("Both hold the password of the link: bring the second one to PC B by a way on which")
    click.echo("nobody reads it, such as scp.\n")
    click.echo(f"  on PC A:  {program} {shlex.quote(str(studio))}")
    click.echo(f"  on PC B:  {program} {shlex.quote(transmitter.name)}\n")
    if answers.source == ENCODER:
        click.echo(f"Let the encoder send to port {ENCODER_PORT} of PC A, as user source, to any mount, with the")
        click.echo(f"PASSWORD of [INPUT] in {studio}.")
    click.echo(f"Players play http://PC-B:{answers.listen_port}/{answers.mount}", nl=False)
    click.echo(f" from {spoken_seconds(answers.delay)} after the programme's beginning.")
    click.echo(f"How it is, on either machine:  {program} status")


def _program() -> str:
    """How this one was called, so that it can be called again."""
    called = sys.argv[0]
    if Path(called).name != "distreamer":
        return f"{shlex.quote(sys.executable)} -m distreamer"
    found = shutil.which("distreamer")
    return "distreamer" if found and Path(found).resolve() == Path(called).resolve() else shlex.quote(called)
