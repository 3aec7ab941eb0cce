"""The command ``chaos``."""

from __future__ import annotations

import click

from distreamer.cli.examples import examples
from distreamer.cli.numbers import NumberRange

PERCENT = 100
MILLISECONDS = 1000

_percent = NumberRange(0, 100)
_EPILOG = examples(
    {
        "distreamer chaos pc-a:7080 --loss 20": "a fifth of the packets is lost",
        "distreamer chaos pc-a:7080 --rate 200 --delay 300": "thin and far away",
        "distreamer chaos pc-a:7080 --outage 10@60": "nothing for 10 s, a minute on",
    }
)


def _target(text: str) -> tuple[str, int]:
    """``host:port``; an IPv6 address in brackets."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and "/" not in host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise click.BadParameter(f"{text!r} is not HOST:PORT, such as pc-a.example.org:7080")
    return host, int(port)


@click.command(epilog=_EPILOG)
@click.argument("target", metavar="HOST:PORT", type=_target)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7081, show_default=True, help="To listen on, on this machine only."
)
@click.option("--loss", type=_percent, default=0, help="Per cent of the packets that are lost.")
@click.option("--bursts", type=_percent, default=0, help="Per cent of the time in which all are lost, in bursts.")
@click.option(
    "--burst-length", type=NumberRange(1), default=500, show_default=True, help="Of a burst on average, in ms."
)
@click.option("--delay", type=NumberRange(0, 60_000), default=0, help="Each way, in ms.")
@click.option("--jitter", type=NumberRange(0, 60_000), default=0, help="Up to so much more delay, in ms.")
@click.option("--reorder", is_flag=True, help="Let jitter put packets out of order.")
@click.option("--duplicate", type=_percent, default=0, help="Per cent of the packets that come twice.")
@click.option("--rate", type=NumberRange(0, 10_000_000), default=0, help="kbit/s each way; 0 for no limit.")
@click.option(
    "--queue",
    type=NumberRange(2, 100_000),
    default=32,
    show_default=True,
    help="kB that wait when RATE is reached; the rest is lost.",
)
@click.option("--largest", type=click.IntRange(0, 65535), default=0, help="Bytes; bigger packets are lost.")
@click.option("--outage", "outages", metavar="SECONDS@AT", multiple=True, help="10@30: nothing for 10 s from 30 s on.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed has the same luck.")
@click.option("--seconds", type=NumberRange(min=0.1), help="End after so long; else at Ctrl-C.")
def chaos(
    target: tuple[str, int],
    port: int,
    loss: float,
    bursts: float,
    burst_length: float,
    delay: float,
    jitter: float,
    reorder: bool,
    duplicate: float,
    rate: float,
    queue: float,
    largest: int,
    outages: tuple[str, ...],
    seed: int,
    seconds: float | None,
) -> None:
    """Be a bad link, to see what a real one would do.

    Carries TCP and UDP from a port of this machine to HOST:PORT, badly; both ways are equally bad. Give PC B
    http://127.0.0.1:7081 as its SERVERURL and PC A's address here, and listen before you go on air.

    UDP packets are really lost, late or doubled. TCP's packets cannot be seen from here: it is held up, slowed down
    and silenced as a plain TCP would be on such a link, which is an estimate.
    """
    from distreamer.chaos.app import ChaosOptions, run_chaos  # late: the other commands need not wait for it
    from distreamer.chaos.link_model import LinkSettings
    from distreamer.chaos.outages import Outage

    try:
        planned = [Outage.parse(text) for text in outages]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--outage") from error
    settings = LinkSettings(
        loss=loss / PERCENT,
        burst_loss=bursts / PERCENT,
        burst_seconds=burst_length / MILLISECONDS,
        delay_seconds=delay / MILLISECONDS,
        jitter_seconds=jitter / MILLISECONDS,
        reorders=reorder,
        duplication=duplicate / PERCENT,
        rate=rate * 1000,
        queue_bytes=int(queue * 1000),
        largest_packet=largest,
    )
    run_chaos(ChaosOptions(target, settings, planned, port, seed, seconds), click.echo)
