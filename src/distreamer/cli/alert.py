"""The commands about alerts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from distreamer.cli.application import Application
from distreamer.cli.examples import examples
from distreamer.config.instance import ConfiguredAlert, InstanceConfig
from distreamer.config.wording import did_you_mean, printable
from distreamer.core.ending import run_command
from distreamer.errors import ResourceError

_GROUP_EXAMPLES = examples({"distreamer alert test studio.conf": "does everybody get it?"})
_TEST_EXAMPLES = examples(
    {
        "distreamer alert test studio.conf": "all",
        "distreamer alert test studio.conf --name night": "only [ALERT night]",
    }
)


@click.group(name="alert", epilog=_GROUP_EXAMPLES)
def alert_group() -> None:
    """Try whether alerts arrive."""


@alert_group.command(name="test", epilog=_TEST_EXAMPLES)
@click.argument("files", metavar="[CONF]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--name", "names", metavar="NAME", multiple=True, help="Only the [ALERT] of that name; may come again.")
@click.pass_context
def try_alerts(context: click.Context, files: tuple[Path, ...], names: tuple[str, ...]) -> None:
    """Send a test through each [ALERT] of CONF now, and say what happened.

    No instance need run, and none is disturbed. The exit code is 1 when any of them failed.
    """
    configs = context.ensure_object(Application).load(files)
    chosen = [(config, alert) for config in configs for alert in config.alerts if _is_named(alert, names)]
    if not any(config.alerts for config in configs):
        where = " and ".join(printable(str(config.path or "the environment")) for config in configs)
        raise ResourceError(f"{where}: there is no [ALERT] section, so nobody is told anything")
    _refuse_unknown(names, [alert for config in configs for alert in config.alerts])
    context.exit(0 if run_command(_try(chosen, tell_instance=len(configs) > 1)) else 1)


async def _try(chosen: Sequence[tuple[InstanceConfig, ConfiguredAlert]], *, tell_instance: bool) -> bool:
    """One after the other; each line begins before the answer is there, so that one sees who is waited for."""
    from distreamer.core.clock import LoopClock  # late: the other commands need not wait for it
    from distreamer.runtime.alert_trial import AlertToTry
    from distreamer.runtime.event_rows import trial_event

    clock, all_delivered = LoopClock(), True
    for config, alert in chosen:
        one = AlertToTry(alert, clock)
        prefix = f"{config.name}: " if tell_instance else ""
        click.echo(printable(f"{prefix}{alert.name}: {one.receiver}: "), nl=False)
        now = clock.wall()
        trial = await one.deliver(trial_event(config.name, now, int(now * 1000)))
        click.echo(printable(trial.sentence if trial.is_delivered else f"FAILED: {trial.sentence}"))
        all_delivered = all_delivered and trial.is_delivered
    return all_delivered


def _is_named(alert: ConfiguredAlert, names: Sequence[str]) -> bool:
    return not names or any(name.lower() in _names(alert) for name in names)


def _names(alert: ConfiguredAlert) -> tuple[str, str]:
    """``alert night`` and ``night``."""
    return alert.name.lower(), alert.name.partition(" ")[2].lower() or alert.name.lower()


def _refuse_unknown(names: Sequence[str], alerts: Sequence[ConfiguredAlert]) -> None:
    known = [_names(alert)[1] for alert in alerts]
    for name in names:
        if not any(name.lower() in _names(alert) for alert in alerts):
            guess = did_you_mean(name, known) or f"; there are {', '.join(map(printable, known))}"
            raise click.UsageError(f"there is no [ALERT] of the name {printable(name)}{guess}")
