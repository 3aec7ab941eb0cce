"""The command ``probe``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.cli.numbers import NumberRange
from distreamer.config.wording import printable
from distreamer.core.ending import end_at_signals, run_command
from distreamer.errors import DiStreamerError, ProtocolError

if TYPE_CHECKING:
    from distreamer.measure.probing import Target

_EPILOG = examples(
    {
        "distreamer probe http://radio.example:8000/live": "what is this stream?",
        "distreamer probe http://pc-a.example.org:7080": "how bad is the link to that DiStreamer?",
        "distreamer probe transmitter.conf": "the same, for all that it dials",
    }
)


@click.command(epilog=_EPILOG)
@click.argument("what", metavar="URL|CONF")
@click.option("--seconds", type=NumberRange(1, 86_400), default=60, show_default=True, help="How long to look at each.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list with all figures.")
@click.pass_context
def probe(context: click.Context, what: str, seconds: float, as_json: bool) -> None:
    """Say what a stream is, or how bad a link is.

    Of a stream of Icecast, SHOUTcast or whatever else plays over HTTP: server, format, bitrate, titles, burst, pace
    and clock, and how long an interruption may last until something is lost. Of another DiStreamer: whether UDP and
    TCP get through, lost packets, round trips, the worst gap, and the DELAY that follows from it.

    Who listens or receives there already is not disturbed: it is one more listener, or a receiver of a quarter of the
    programme. The password of a DiStreamer may stand in the URL, as in http://:password@pc-a.example.org:7080; better
    name the CONF that holds it.

    Ctrl-C ends the looking, and what was seen until then is told.

    The exit code is 0 when all could be looked at, however bad it is, 2 when CONF has faults, else 1: nothing answers,
    or it is no audio.
    """
    from distreamer.cli.targets import as_url  # late: the other commands need not wait for it
    from distreamer.measure.probing import targets_of_config, targets_of_url

    url = what if "://" in what else as_url(what)
    if url is None:
        targets = targets_of_config(context.ensure_object(Application).load([Path(what)]))
    else:
        try:
            targets = targets_of_url(url)
        except ProtocolError as error:
            raise click.BadParameter(str(error), param_hint="URL|CONF") from error
    context.exit(run_command(_probe(targets, seconds, as_json=as_json)))


async def _probe(targets: list[Target], seconds: float, *, as_json: bool) -> int:
    """All of them, one after the other; gives the exit code: 1 when any could not be looked at, or is no audio.

    The first signal ends the looking, the second the command.
    """
    from distreamer.cli.steps import Steps
    from distreamer.core.clock import LoopClock
    from distreamer.measure.probing import look_at

    clock, faults, found, ended = LoopClock(), 0, list[dict[str, Any]](), asyncio.Event()
    end_at_signals(ended.set)
    for number, target in enumerate(targets):
        if ended.is_set():
            break
        if number and not as_json:
            click.echo()
        fields: dict[str, Any]
        async with Steps(printable(target.name)) as progress:
            try:
                report = await look_at(target, seconds, clock, progress.say, ended)
                if report is None:
                    break
                faults += report.kind == "stream" and not report.format
                fields, lines = {"kind": report.kind, **asdict(report)}, list(report.lines())
            except DiStreamerError as error:
                faults += 1
                fields, lines = {"kind": "fault", "name": target.name, "fault": str(error)}, [str(error)]
        found.append(fields)
        if not as_json:
            for line in lines:
                click.echo(printable(line), err=fields["kind"] == "fault")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    return 1 if faults or not found else 0
