"""The command ``demo``."""

from __future__ import annotations

import click

from distreamer.cli.examples import examples
from distreamer.cli.numbers import NumberRange

_EPILOG = examples(
    {
        "distreamer demo": "until Ctrl-C, with a page to cut the link",
        "distreamer demo --seconds 60": "cuts it by itself, and judges",
        "distreamer demo --source http://radio.example/live": "with a real programme",
    }
)


@click.command(epilog=_EPILOG)
@click.option(
    "--seconds", type=NumberRange(min=1), help="End after so long and say what a listener heard; else at Ctrl-C."
)
@click.option("--source", metavar="URL", help="Carry this stream instead of the built-in programme.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Of the page.")
@click.option(
    "--cut", "cut_seconds", type=NumberRange(0, 3600), help="Cut the link once for so many seconds, by itself."
)
@click.option("--browser/--no-browser", "open_browser", default=True, help="Open the page in a browser, or do not.")
@click.pass_context
def demo(
    context: click.Context,
    seconds: float | None,
    source: str | None,
    port: int,
    cut_seconds: float | None,
    open_browser: bool,
) -> None:
    """See and hear how it outlives a cut link.

    A studio, a link to cut and a transmitter that plays on, all on this machine and open to this machine only,
    with a page that shows them.
    """
    from distreamer.demo.app import run_demo

    context.exit(
        run_demo(seconds=seconds, source=source, port=port, cut_seconds=cut_seconds, open_browser=open_browser)
    )
