"""Which ADMINs a command is to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import click

from distreamer.admin.whereabouts import ended_notes, known_folders, notes
from distreamer.cli.application import Application
from distreamer.config.environment import variable_of
from distreamer.config.fields import check_http_url, split_host_port
from distreamer.config.instance import InstanceConfig
from distreamer.config.wording import printable, shown
from distreamer.transport.tcp import spoken_address
from distreamer.units import spoken_seconds

NONE_FOUND = (
    'no running instance with ADMIN was found on this machine: put "ADMIN = 127.0.0.1:8090" into the [GENERAL] of its '
    "file and reload it (SIGHUP, systemctl reload), or name its file, or the URL of its ADMIN"
)
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where this machine asks what listens on all of its addresses."""


@dataclass(frozen=True, slots=True)
class Target:
    """An ADMIN to be asked."""

    url: str
    """Without a password. When there is no address, the file."""
    password: str = ""
    trouble: str = ""
    """Why it cannot even be tried, in plain words."""


def targets_of(names: Sequence[str], application: Application, password: str) -> list[Target]:
    """Those that the command line names by URL or by file; without names, those that run on this machine.

    ``password`` is for what is no file, for a file has its own. Raises ConfigError for a file with faults, and
    click.UsageError for what is neither a URL nor a file.
    """
    if not names:
        # In a container the command has the environment of the instance, which may have its password from there.
        password = password or application.environ.get(variable_of("GENERAL", "ADMINPASSWORD"), "").strip()
        found = [Target(_url(note.host, note.port), password) for note in notes(known_folders(application.environ))]
        return list(dict.fromkeys(found))
    targets: list[Target] = []
    for name in names:
        if (url := as_url(name)) is not None:
            targets.append(_given(url, password))
        else:
            targets += [_configured(config) for config in application.load([Path(name)])]
    return list(dict.fromkeys(targets))


def ended_targets(application: Application, wall: float) -> dict[str, str]:
    """What was killed on this machine, or crashed, at Unix time ``wall``: by the URL of the ADMIN, what there is to say
    of it."""
    found: dict[str, str] = {}
    for note, seconds in ended_notes(known_folders(application.environ), wall):
        who = ", ".join(printable(name) for name in note.names) or "what had this ADMIN"
        words = f"{who}: not running; process {note.pid} was killed or crashed, and its last word is"
        found.setdefault(_url(note.host, note.port), f"{words} {spoken_seconds(round(seconds))} old")
    return found


def as_url(name: str) -> str | None:
    """``name`` as a URL; ``radio.example:8000`` and ``radio.example:8000/live`` are, too, if there is no such file."""
    if name.lower().startswith(("http://", "https://")):
        return name
    where, _, path = name.partition("/")
    try:
        split_host_port(where)
    except ValueError:
        return None
    return None if Path(name).exists() else f"http://{where}/{path}"


def _given(url: str, password: str) -> Target:
    try:
        check_http_url(url)
        parts = urlsplit(url)
    except ValueError as error:
        raise click.UsageError(f"{shown(url)} {error}") from error
    where = parts.netloc.rpartition("@")[2]
    given = unquote(parts.password) if parts.password else password
    return Target(urlunsplit((parts.scheme, where, parts.path or "/", "", "")), given)


def _configured(config: InstanceConfig) -> Target:
    admin, label = config.general.admin, str(config.path)
    if not admin:
        how = 'put "ADMIN = 127.0.0.1:8090" into its [GENERAL] and reload it (SIGHUP, systemctl reload)'
        return Target(label, trouble=f"it has no ADMIN, so it cannot be asked: {how}")
    host, port = split_host_port(admin)
    if port == 0:
        return Target(label, trouble="its ADMIN has a port that changes: leave the file out, and it is found")
    return Target(_url(host, port), config.general.adminpassword)


def _url(host: str, port: int) -> str:
    return f"http://{spoken_address(_EVERYWHERE.get(host, host), port)}/"
