"""The five questions of ``distreamer init``."""

from __future__ import annotations

import math
import socket
from dataclasses import replace
from ipaddress import ip_address
from typing import NamedTuple

import click

from distreamer.cli.init_files import ENCODER, Answers, fault
from distreamer.config.registry import Registry
from distreamer.config.wording import shown
from distreamer.core.interruptible import interruptible

_ELSEWHERE = "192.0.2.1"
"""An address that nobody has (RFC 5737), as good as any to ask which way leads out."""


class Question(NamedTuple):
    """One of the five."""

    field: str
    """Of ``Answers``."""
    option: str
    """By which it is answered beforehand."""
    text: str
    prompt: str


ADDRESS = Question(
    "address",
    "--address",
    "Under which name or address does PC B reach PC A? Behind a router that is the\n"
    "router's own, and the router must pass on the port that is asked for next.",
    "Name or address of PC A",
)
QUESTIONS = (
    Question(
        "source",
        "--source",
        "Where does the programme come from? Give the address of its stream on an\n"
        "Icecast or SHOUTcast server (http://...), or the word encoder when an encoder\n"
        "shall connect to PC A.",
        "Address of the stream, or encoder",
    ),
    ADDRESS,
    Question("port", "--port", "Which port of PC A shall PC B connect to (TCP and UDP)?", "Port of PC A"),
    Question(
        "delay",
        "--buffer",
        "How many seconds shall PC B hold? The link can be down for about as long\n"
        "before anyone hears it, and listeners are as far behind.",
        "Seconds",
    ),
    Question(
        "listen",
        "--listen",
        "On which port of PC B, and at which mount, shall players connect? Without a\nmount every path plays.",
        "Port, or port/mount",
    ),
)


def answered(answers: Answers, question: Question, said: str, registry: Registry) -> Answers:
    """``answers`` with what was said to a question; raises click.UsageError in plain words when it cannot be that."""
    said = said.strip()
    match question.field:
        case "source":
            answers = replace(answers, source=ENCODER if said.lower() == ENCODER else said)
        case "address":
            answers = replace(answers, address=said)
        case "port":
            if not said.isascii() or not said.isdigit():
                raise click.UsageError(f"{shown(said)} must be a port from 1 to 65535")
            answers = replace(answers, port=int(said[:6]))
        case "delay":
            answers = replace(answers, delay=_number(said))
        case _:
            answers = replace(answers, listen=said)
    problem = fault(answers, registry)
    if problem is not None:
        raise click.UsageError(problem)
    return answers


def default_of(answers: Answers, question: Question) -> str:
    """What is taken when nothing is said; empty when something must be."""
    value = getattr(answers, question.field)
    return f"{value:g}" if isinstance(value, float) else str(value)


def ask(answers: Answers, question: Question, number: int, registry: Registry) -> Answers:
    """Asks until the answer can be used."""
    default = default_of(answers, question)
    click.echo(f"\n{number}. {question.text}")
    if question is ADDRESS and default:
        click.echo(f"(This machine has {default}.)")
    with interruptible():
        asked: Answers = click.prompt(
            question.prompt,
            default=default or None,
            value_proc=lambda said: answered(answers, question, said, registry),
        )
    return asked


def own_address() -> str:
    """By which this machine is known to others; empty when there is no network, or only one of its own."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect((_ELSEWHERE, 9))  # Sends nothing.
            address: str = asked.getsockname()[0]
    except OSError:
        return ""
    return "" if ip_address(address).is_loopback else address


def _number(said: str) -> float:
    try:
        number = float(said.removesuffix("s").replace(",", "."))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise click.UsageError(f"{shown(said)} must be a number of seconds")
    return number
