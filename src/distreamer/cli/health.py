"""The command ``health``, for containers and for people."""

from __future__ import annotations

from pathlib import Path

import click

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.config.wording import printable
from distreamer.errors import ResourceError

HEARTBEAT_VARIABLE = "DISTREAMER_HEARTBEAT"

_EPILOG = examples(
    {
        "distreamer health /run/distreamer.beat": "of the one that writes this file",
        "docker exec studio distreamer health": "of a container, which knows its file",
    }
)


@click.command(epilog=_EPILOG)
@click.argument("file", metavar="[FILE]", required=False, envvar=HEARTBEAT_VARIABLE, type=click.Path(path_type=Path))
@click.pass_obj
def health(application: Application, file: Path | None) -> None:
    """Say how a running DiStreamer is.

    FILE is what it was given as --heartbeat, or by the environment variable DISTREAMER_HEARTBEAT. The exit code is 0
    when FILE is younger than 30 seconds, else 1, and then it says what is wrong.
    """
    from distreamer.runtime.heartbeat import read_heartbeat  # late: the other commands need not wait for it

    if file is None:
        raise ResourceError(f"which file? Name it, or set {HEARTBEAT_VARIABLE}")
    for name, sentence in read_heartbeat(file, application.wall()).instances.items():
        click.echo(printable(f"{name}: {sentence}"))
