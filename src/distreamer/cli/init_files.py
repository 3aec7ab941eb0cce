"""The two files that ``distreamer init`` writes, made of the answers to its questions."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from distreamer.config.instance import InstanceConfig
from distreamer.config.loader import parse
from distreamer.config.registry import Registry
from distreamer.config.settings import GeneralSettings
from distreamer.config.wording import shown
from distreamer.core.ending import holding_signals
from distreamer.errors import ConfigError, ResourceError
from distreamer.transport.tcp import spoken_address

STUDIO, TRANSMITTER = "studio.conf", "transmitter.conf"
ENCODER = "encoder"
"""Said instead of an address, when an encoder connects."""
ENCODER_PORT = 8000
STUDIO_ADMIN, TRANSMITTER_ADMIN = 8090, 8091
"""Ports of ADMIN; they differ, so that both files can be tried on one machine."""
HISTORY_SECONDS = float(GeneralSettings.model_fields["history"].default)
PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another, when somebody types them."""
PASSWORD_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said; all but ``address`` have defaults."""

    source: str = ENCODER
    """The address of the stream, or ENCODER."""
    address: str = ""
    """Where PC B reaches PC A: a name, or an address; empty while it is not known."""
    port: int = 7080
    delay: float = 25
    """Seconds of buffer."""
    listen: str = "8080/live"
    """Port and mount of the listeners; without a mount every path plays."""

    @property
    def listen_port(self) -> str:
        return self.listen.lstrip(":").partition("/")[0].strip()

    @property
    def mount(self) -> str:
        """Without its first slash."""
        return self.listen.partition("/")[2].strip()


def new_password() -> str:
    """Nobody guesses it."""
    return "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(PASSWORD_LENGTH))


def texts(answers: Answers, password: str, encoder_password: str) -> dict[str, str]:
    """The text of each file, by its name."""
    return {STUDIO: _studio(answers, password, encoder_password), TRANSMITTER: _transmitter(answers, password)}


def fault(answers: Answers, registry: Registry) -> str | None:
    """The first thing that is wrong, in words; None when the files can be used."""
    said = (answers.source, answers.address, answers.listen)
    if not all(text.isprintable() for text in said):
        return "it has a character that is not text"
    if answers.address and not _is_host(answers.address):
        return f"{shown(answers.address)} must be a name or an address alone, such as pc-a.example.org or 192.0.2.7"
    if not 1 <= answers.port <= 65535:
        return f"{answers.port} must be a port from 1 to 65535"
    port = answers.listen_port
    if not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65535:
        return f"{shown(answers.listen)} must be a port from 1 to 65535, or one with a mount, such as 8080/live"
    if answers.port == STUDIO_ADMIN or int(port) == TRANSMITTER_ADMIN:
        return f"{answers.port if answers.port == STUDIO_ADMIN else port} is for ADMIN here; take another"
    known = answers if answers.address else replace(answers, address="pc-a.example.org")
    for name, text in texts(known, "password", "password").items():
        try:
            configuration(name, text, registry)
        except ConfigError as error:
            return error.problems[0].partition(": ")[2]
    return None


def _is_host(text: str) -> bool:
    if re.fullmatch(r"[\w.-]+", text):
        return True
    try:
        return ip_address(text.removeprefix("[").removesuffix("]")).version == 6
    except ValueError:
        return False


def configuration(name: str, text: str, registry: Registry) -> InstanceConfig:
    """What a file would do; raises ConfigError. The environment of this machine is not that of the other."""
    return parse(text.encode(), Path(name), registry, {})


@holding_signals()
def write(texts: Mapping[Path, str], *, may_replace: bool) -> None:
    """Makes files that their owner alone can read, all of them or none: one that is old would have another password.
    Signals wait for that. Raises ResourceError when one cannot be made, or is there already."""
    made: list[Path] = []
    try:
        for file, text in texts.items():
            target = file.with_name(f".{file.name}.new") if may_replace else file
            with _spoken_faults(file):
                if file.is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                if may_replace:
                    target.unlink(missing_ok=True)
                descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                made.append(target)
                with open(descriptor, "w", encoding="utf-8") as opened:
                    opened.write(text)
        if may_replace:
            for file, target in zip(texts, made, strict=True):
                with _spoken_faults(file):
                    target.replace(file)
    except ResourceError:
        for target in made:
            target.unlink(missing_ok=True)  # Half of a file is of no use, and would be in the way.
        raise


@contextmanager
def _spoken_faults(file: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise ResourceError(f"{file} is there already, and stays as it is") from None
    except OSError as error:
        raise ResourceError(f"{file} cannot be written: {error.strerror}") from error


def _history(answers: Answers) -> list[str]:
    if answers.delay * 2 <= HISTORY_SECONDS:
        return []
    return [
        "# How much is kept: what the listeners have yet to hear, and as much again.",
        f"HISTORY = {answers.delay * 2:g}",
    ]


def _studio(answers: Answers, password: str, encoder_password: str) -> str:
    lines = [
        "# PC A, where the programme is. The other end is transmitter.conf.",
        "# All keys are explained in docs/reference; distreamer check studio.conf says what this file does.",
        "",
        "[GENERAL]",
        "# For distreamer status and distreamer top, on this machine only.",
        f"ADMIN = 127.0.0.1:{STUDIO_ADMIN}",
        *_history(answers),
        "",
        "[INPUT]",
    ]
    if answers.source == ENCODER:
        lines += [
            "# An encoder sends the programme here: one of the Icecast kind to this port, with any mount and the user",
            f"# source; one of the SHOUTcast 1 kind is told this port too, and connects to {ENCODER_PORT + 1}.",
            "MODE = ShoutcastSourceServer",
            f"PORT = {ENCODER_PORT}",
            "# What the encoder must give.",
            f"PASSWORD = {encoder_password}",
        ]
    else:
        lines += [
            "# The programme is taken from a server, as a player does it.",
            "MODE = ShoutcastClient",
            f"STREAMURL = {answers.source}",
        ]
    lines += [
        "",
        "[OUTPUT]",
        "# PC B connects here; a firewall must let this port through, for TCP and for UDP.",
        "MODE = DiStreamerServer",
        f"PORT = {answers.port}",
        "# Both ends prove that they know it; it does not travel.",
        f"PASSWORD = {password}",
        "# Nobody here runs DiStreamer 2, which would send the password in clear.",
        "LEGACY = no",
    ]
    return "\n".join(lines) + "\n"


def _transmitter(answers: Answers, password: str) -> str:
    lines = [
        "# PC B, where the listeners are. The other end is studio.conf.",
        "# All keys are explained in docs/reference; distreamer check transmitter.conf says what this file does.",
        "",
        "[GENERAL]",
        "# Listeners hear so many seconds behind live: about as long can the link be down before anyone hears it.",
        f"DELAY = {answers.delay:g}",
        *_history(answers),
        "# For distreamer status and distreamer top, on this machine only.",
        f"ADMIN = 127.0.0.1:{TRANSMITTER_ADMIN}",
        "",
        "[INPUT]",
        "# The link to PC A: its name or address, and its PORT.",
        "MODE = DiStreamerClient",
        f"SERVERURL = http://{spoken_address(answers.address.strip('[]'), answers.port)}",
        "# That of studio.conf.",
        f"PASSWORD = {password}",
        "LEGACY = no",
        "",
        "[OUTPUT]",
        "# Players open this port; browsers get a page with a player at /.",
        "MODE = ShoutcastServer",
        f"PORT = {answers.listen_port}",
    ]
    if answers.mount:
        lines += ["# The only path that plays; without this key every path does.", f"REQUIREURL = {answers.mount}"]
    return "\n".join(lines) + "\n"
