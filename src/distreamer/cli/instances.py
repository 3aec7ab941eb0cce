"""The commands that take configuration files: ``run`` and ``check``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.cli.health import HEARTBEAT_VARIABLE
from distreamer.cli.progress import progress
from distreamer.config.describe import written_values
from distreamer.config.instance import InstanceConfig, by_preference
from distreamer.config.settings import PlayingOutputSettings
from distreamer.config.wording import printable
from distreamer.errors import ConfigError
from distreamer.runtime.spool_folder import folder_fault
from distreamer.units import spoken_seconds

_files = click.argument("files", metavar="[CONF]...", nargs=-1, type=click.Path(path_type=Path))

_RUN_EXAMPLES = examples(
    {
        "distreamer run studio.conf": "one instance",
        "distreamer studio.conf news.conf": "two, side by side",
        "distreamer run --heartbeat /run/distreamer.beat": "./distreamer.conf, with a file for health",
    }
)
_CHECK_EXAMPLES = examples(
    {
        "distreamer check studio.conf": "one file",
        "distreamer check /etc/distreamer/*.conf": "all, and whether they go together",
    }
)


@click.command(epilog=_RUN_EXAMPLES)
@_files
@click.option(
    "--heartbeat",
    metavar="FILE",
    envvar=HEARTBEAT_VARIABLE,
    show_envvar=True,
    type=click.Path(path_type=Path),
    help='Write FILE every 5 seconds, for "distreamer health".',
)
@click.pass_context
def run(context: click.Context, files: tuple[Path, ...], heartbeat: Path | None) -> None:
    """Run an instance for each CONF, until SIGINT or SIGTERM.

    The word "run" may be left out. Without CONF it is distreamer.conf in the current folder; when there is none,
    the environment variables DS_... alone make an instance.

    SIGHUP has the files read again while everything plays on: only what has changed in them is restarted.
    """
    application = context.ensure_object(Application)
    context.exit(application.run(partial(application.load, files), heartbeat))


@click.command(epilog=_CHECK_EXAMPLES)
@_files
@click.pass_obj
def check(application: Application, files: tuple[Path, ...]) -> None:
    """Say what CONF would do, or everything that is wrong with it.

    Nothing is started. The exit code is 2 when anything is wrong.
    """
    with progress("checking"):
        configs = application.load(files)
    problems = [
        f"{printable(str(config.path or 'the environment'))}: [GENERAL] SPOOL: {printable(fault)}"
        for config in configs
        if config.general.spool and (fault := folder_fault(config.general.spool))
    ]
    if problems:
        raise ConfigError(problems)
    for config in configs:
        click.echo("\n".join(_in_words(config)))


def _in_words(config: InstanceConfig) -> list[str]:
    general = config.general
    source = printable(str(config.path)) if config.path else "the environment"
    lines = [f"{source} is in order. The instance {printable(config.name)} would run with"]
    for name, settings in (*config.inputs, *config.outputs, *config.alerts):
        lines.append(f"  {name}: {settings.mode}")
        lines += [f"    {written}" for written in written_values(settings) if not written.startswith("MODE ")]
    if len(config.inputs) > 1:
        names = ", ".join(name for name, _ in by_preference(config.inputs))
        lines.append(f"  on air the first of these that works: {printable(names)}")
    on_disk = f", also in {printable(str(general.spool))}" if general.spool else ""
    lines.append(f"  {spoken_seconds(general.history)} of audio kept{on_disk}")
    if any(isinstance(settings, PlayingOutputSettings) for _, settings in config.outputs):
        lines.append(f"  listeners {_delay(config)} behind live")
        if isinstance(general.filler, Path):
            lines.append(f"  {printable(str(general.filler))} for them when nothing is left to play")
    lines.append(f"  the log on the console, at level {general.outputlevel}")
    if general.logfile:
        lines.append(f"  the log in {printable(str(general.logfile))}, at level {general.loglevel}")
    if general.eventlog:
        lines.append(f"  events in {printable(str(general.eventlog))}")
    if general.admin:
        guarded = "with a password" if general.adminpassword else "for this machine, without a password"
        lines.append(f"  the operator's API on http://{printable(general.admin)}/, {guarded}")
    return lines


def _delay(config: InstanceConfig) -> str:
    if config.general.delay is not None:
        return spoken_seconds(config.general.delay)
    for _, settings in config.outputs:
        if isinstance(settings, PlayingOutputSettings) and "minfragments" in settings.model_fields_set:
            return f"MINFRAGMENTS = {settings.minfragments} fragments"
    return "25 s"
