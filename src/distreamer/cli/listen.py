"""The command ``listen``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from distreamer.cli.examples import examples
from distreamer.cli.numbers import NumberRange
from distreamer.config.wording import printable
from distreamer.core.ending import end_at_signals, run_command
from distreamer.errors import DiStreamerError, ProtocolError
from distreamer.units import spoken_seconds

if TYPE_CHECKING:
    from distreamer.measure.finding import Finding
    from distreamer.protocol.stream_url import StreamUrl

EXIT_WRONG = 1
_EPILOG = examples(
    {
        "distreamer listen http://localhost:8080/ --seconds 3600": "an acceptance test of an hour",
        "distreamer listen http://localhost:8080/ --json": "each finding as one line of JSON",
    }
)


@click.command(epilog=_EPILOG)
@click.argument("url")
@click.option("--seconds", type=NumberRange(min=1), help="End after so long; else at Ctrl-C.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line: each finding, then the verdict, or the fault."
)
@click.option(
    "--strict", is_flag=True, help="Hold one second of audio instead of three, and take a wrong format for wrong."
)
@click.pass_context
def listen(context: click.Context, url: str, seconds: float | None, as_json: bool, strict: bool) -> None:
    """Listen to a stream without sound, and say what is wrong with it.

    A player that forgives nothing: it holds three seconds of audio, and reports each gap, repeat, damaged place and
    underrun with its time, title changes, and disconnects, after which it comes back as players do. The exit code is 0
    only when something was heard and nothing was wrong, else 1.
    """
    from distreamer.cli.targets import as_url  # late: the other commands need not wait for it
    from distreamer.protocol.stream_url import StreamUrl

    try:
        address = StreamUrl.parse(as_url(url) or url)
    except ProtocolError as error:
        raise click.BadParameter(str(error), param_hint="URL") from error
    context.exit(run_command(_listen(address, seconds, as_json=as_json, is_strict=strict)))


async def _listen(url: StreamUrl, seconds: float | None, *, as_json: bool, is_strict: bool) -> int:
    from distreamer.cli.steps import Steps
    from distreamer.core.clock import LoopClock
    from distreamer.measure.stream_listener import StreamListener

    ended = asyncio.Event()
    end_at_signals(ended.set)
    async with Steps(printable(str(url))) as progress:

        def say(finding: Finding) -> None:
            progress.clear()
            try:
                click.echo(json.dumps(asdict(finding)) if as_json else printable(_line(finding)))
            except OSError:
                # Nobody reads any more, or the disk is full; the verdict fails in the same way, and ends the command.
                ended.set()

        progress.say(f"listens for {spoken_seconds(seconds)}" if seconds else "listens until Ctrl-C")
        try:
            verdict = await StreamListener(url, LoopClock(), say, is_strict=is_strict).run(seconds, ended)
        except DiStreamerError as error:
            if as_json:
                click.echo(json.dumps({"fault": str(error)}))
            raise
    if as_json:
        click.echo(json.dumps(asdict(verdict) | {"verdict": verdict.sentence}))
    else:
        heard = f"{spoken_seconds(verdict.heard_seconds)} of {spoken_seconds(verdict.seconds)} heard"
        click.echo(f"{heard}; {verdict.sentence}")
    return 0 if verdict.is_fine else EXIT_WRONG


def _line(finding: Finding) -> str:
    mark = "wrong" if finding.is_wrong else "     "
    return f"{_clock(finding.at_seconds)}  {mark}  {finding.text}"


def _clock(seconds: float) -> str:
    """``0:01:02.3`` since the beginning."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}"
