"""The program ``distreamer``."""

from __future__ import annotations

import io
import os
import sys
from functools import partial
from pathlib import Path

import click

from distreamer import __version__
from distreamer.cli.alert import alert_group
from distreamer.cli.application import Application
from distreamer.cli.chaos import chaos
from distreamer.cli.completion import completion
from distreamer.cli.demo import demo
from distreamer.cli.group import CommandOrFiles
from distreamer.cli.health import health
from distreamer.cli.init import init
from distreamer.cli.instances import check, run
from distreamer.cli.listen import listen
from distreamer.cli.manual import config_group, modules
from distreamer.cli.probe import probe
from distreamer.cli.status import status
from distreamer.cli.top import top
from distreamer.config.instance import Load
from distreamer.config.registry import Registry
from distreamer.runtime.hang_ups import HangUps

_EXAMPLES = """\
\b
Examples:
  distreamer init                       write the files of PC A and PC B
  distreamer                            run ./distreamer.conf
  distreamer studio.conf news.conf      run two instances side by side
  distreamer check studio.conf          say what it would do, or what is wrong
  distreamer status                     say how all are that run here
  distreamer top                        watch them
  distreamer config sample > new.conf   begin a configuration by hand
  distreamer alert test studio.conf     try whether its alerts arrive
  distreamer demo                       see it work on this machine
  distreamer chaos pc-a:7080 --loss 20  stand a bad link before PC A
  distreamer probe studio.conf          say how good what it dials is
  distreamer listen http://pc-b:8080/   hear whether anything is wrong

A file that is called like a command is given as ./check.
"""


@click.group(
    cls=CommandOrFiles,
    name="distreamer",
    epilog=_EXAMPLES,
    options_metavar="[CONF]... |",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="distreamer")
def commands() -> None:
    """Carries a radio programme over a link that fails, without the listeners noticing.

    With CONF files, or with nothing, it runs them; see "run".
    """


for _command in (run, check, health, modules, config_group, demo, chaos, probe, listen):
    commands.add_command(_command)
commands.add_command(alert_group)
commands.add_command(status)
commands.add_command(top)
commands.add_command(init)
commands.add_command(completion)


def main() -> None:
    """Does what the command line says."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # Titles and names have letters that not every terminal has.
    commands(
        prog_name="distreamer", obj=Application(registry=_registry, run=_run, environ=os.environ, pages=further_pages)
    )


def _registry() -> Registry:
    from distreamer.runtime.modules import REGISTRY  # late: --version need not wait for all modules

    return REGISTRY


def further_pages() -> dict[str, str]:
    """The pages of the reference that are not about the configuration, by file name."""
    from distreamer.admin import metrics_page
    from distreamer.admin.openapi import FILE, description_text
    from distreamer.runtime.events_page import PAGE, events_page

    return {PAGE: events_page(), metrics_page.PAGE: metrics_page.metrics_page(), FILE: description_text()}


def _run(load: Load, heartbeat: Path | None) -> int:
    hang_ups = HangUps()  # early: until then SIGHUP ends the process
    from distreamer.admin.servers import AdminServers
    from distreamer.admin.whereabouts import own_folder
    from distreamer.runtime.daemon import run as run_daemon

    folder = own_folder(os.environ, os.getuid())
    return run_daemon(load, hang_ups, heartbeat, make_operator=partial(AdminServers, folder=folder))
