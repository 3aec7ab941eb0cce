"""The command ``top``."""

from __future__ import annotations

import os
import sys
from datetime import datetime

import click

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.cli.numbers import NumberRange
from distreamer.cli.status import complete_files, password_option
from distreamer.core.ending import run_command

_EPILOG = examples(
    {
        "distreamer top": "all of this machine that have ADMIN",
        "distreamer top studio.conf http://pc-b:8090/": "these two",
        "distreamer top --seconds 60 > top.log": "a paragraph each minute",
    }
)


@click.command(epilog=_EPILOG)
@click.argument("names", metavar="[URL|CONF]...", nargs=-1, shell_complete=complete_files)
@click.option("--seconds", type=NumberRange(0.5, 3600), default=1, show_default=True, help="How often they are asked.")
@password_option
@click.pass_context
def top(context: click.Context, names: tuple[str, ...], seconds: float, password: str) -> None:
    """Watch running instances in the terminal.

    Asks the ADMIN of each CONF or URL, or, without any, of all instances that run on this machine; those that are
    started meanwhile appear. q or Ctrl-C ends it.

    Where the output is no terminal, or one that cannot be drawn on, it is a plain paragraph each time.
    """
    from distreamer.cli.targets import Target, targets_of  # late: the other commands need not wait for it
    from distreamer.cli.top_terminal import show

    application = context.ensure_object(Application)
    given = targets_of(names, application, password) if names else None

    def find() -> list[Target]:
        return given if given is not None else targets_of((), application, password)

    is_live = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in {"", "dumb", "unknown"}
    run_command(show(find, seconds, lambda: f"{datetime.now().astimezone():%H:%M:%S}", is_live=is_live))
