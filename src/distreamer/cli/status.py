"""The command ``status``."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import click
from click.shell_completion import CompletionItem

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.cli.progress import progress
from distreamer.core.ending import run_command

EXIT_PROBLEM = 1
EXIT_UNASKED = 3
PASSWORD_VARIABLE = "DISTREAMER_ADMINPASSWORD"
password_option = click.option(
    "--password",
    metavar="TEXT",
    default="",
    envvar=PASSWORD_VARIABLE,
    show_envvar=True,
    help="ADMINPASSWORD of what is no CONF; better by the variable, for others see a command line.",
)
_EPILOG = examples(
    {
        "distreamer status": "all of this machine that have ADMIN",
        "distreamer status studio.conf": "that of a file, with its ADMINPASSWORD",
        "distreamer status http://pc-b:8090/": "one of another machine",
        "distreamer status --json | jq '.instances[].is_ready'": "for programs",
    }
)


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Where a URL may stand, only files can be guessed."""
    return [CompletionItem(incomplete, type="file")]


@click.command(epilog=_EPILOG)
@click.argument("names", metavar="[URL|CONF]...", nargs=-1, shell_complete=complete_files)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@password_option
@click.pass_context
def status(context: click.Context, names: tuple[str, ...], as_json: bool, password: str) -> None:
    """Say in plain words how running instances are.

    Asks their ADMIN (see docs/admin.md): that of each CONF or URL, or, without any, those of all instances that run on
    this machine; of those it tells also what was killed or crashed.

    The exit code is 0 when all is well, 1 when something is the matter or audio does not go out, 2 when CONF has
    faults, 3 when an instance cannot be asked or none is found.
    """
    from distreamer.cli.admin_client import ask_all  # late: the other commands need not wait for it
    from distreamer.cli.status_words import as_data, as_lines
    from distreamer.cli.targets import NONE_FOUND, Target, ended_targets, targets_of

    application = context.ensure_object(Application)
    with progress("asking"):
        targets = targets_of(names, application, password)
        ended = ended_targets(application, time.time())
        if not names:
            # Whoever listens there now is somebody else, and is told no password.
            targets += [Target(url) for url in ended if url not in {target.url for target in targets}]
        answers = [
            replace(answer, trouble=ended[answer.target.url])
            if answer.is_away and answer.target.url in ended
            else answer
            for answer in run_command(ask_all(targets))
        ]
    if as_json:
        click.echo(json.dumps(as_data(answers), indent=2))
    else:
        for line in as_lines(answers):
            click.echo(line)
    if not targets:
        click.echo(f"distreamer: {NONE_FOUND}", err=True)
    for answer in answers:
        if answer.trouble:
            click.echo(f"distreamer: {answer.target.url}: {answer.trouble}", err=True)
    if not targets or any(answer.status is None for answer in answers):
        context.exit(EXIT_UNASKED)
    is_well = all(one.is_well for answer in answers if answer.status for one in answer.status.instances)
    context.exit(0 if is_well else EXIT_PROBLEM)
