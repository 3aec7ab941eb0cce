"""What the operator may ask of a running instance. Each raises ResourceError when it cannot be done, and says why."""

from __future__ import annotations

from collections.abc import Sequence

from distreamer.config.settings import FragmentingInputSettings
from distreamer.errors import ResourceError
from distreamer.model.audio import Title
from distreamer.model.event import Event
from distreamer.model.status import ModuleState
from distreamer.outputs.player_server import PlayerServer
from distreamer.outputs.shoutcast_server import ShoutcastServer
from distreamer.protocol.server_view import ListenerFacts
from distreamer.runtime.alert_trial import AlertTrial
from distreamer.runtime.instance import Instance
from distreamer.runtime.output_side import OutputPart


async def restart_input(instance: Instance, name: str) -> str:
    """Makes the input of that name, which there must be, anew, and gives what happened, in words. When it cannot be
    made, which raises DiStreamerError, the old one goes on."""
    async with instance.changing:
        return ", ".join(await instance.commit(instance.prepare(instance.config, anew=name)))


async def test_alerts(instance: Instance) -> tuple[str, Event, tuple[AlertTrial, ...]]:
    """Tells all alerts that this is a test; gives what happened in words, the event, and what came of each alert."""
    event = instance.events.test()
    trials = tuple(await instance.alerts.test(event))
    failed = [f"{trial.name}: {trial.sentence}" for trial in trials if not trial.is_delivered]
    if not trials:
        said = "there is no [ALERT] section, so nobody is told anything"
    elif failed:
        said = f"not all were told: {'; '.join(failed)}"
    else:
        said = f"{'the alert was' if len(trials) == 1 else f'all {len(trials)} alerts were'} told"
    return said, event, trials


async def prefer_input(instance: Instance, name: str | None) -> str:
    """Puts the input of that name, which there must be, on air, and again whenever it works, until there is another
    command or the program ends; None: inputs are preferred as it is configured. Gives what happened, in words. Raises
    ResourceError when it has nothing to play."""
    async with instance.changing:
        instance.prefer_input(name)
    return f"{name} goes on air, and is preferred" if name else "inputs are preferred as it is configured"


def set_title(instance: Instance, text: str) -> str:
    """Puts ``text`` before the next audio of the input that is on air, and gives what happened, in words."""
    part = instance.input_on_air
    if not isinstance(part.settings, FragmentingInputSettings):
        raise ResourceError(f"{part.name} brings a programme with its titles: the title is set where that is sent")
    if part.health.state is not ModuleState.RUNNING:
        raise ResourceError(f"{part.name} brings no audio that could have a title: {part.health.detail}")
    part.context.ingest.title(Title(text))
    return f"the title stands before what {part.name} brings next"


def listeners(part: OutputPart) -> Sequence[ListenerFacts]:
    """Everybody who listens to an output."""
    return _players(part).facts()


def kick(part: OutputPart, number: int) -> bool:
    """Disconnects the listener of that number, who may come again; False when there is none."""
    return _players(part).kick(number)


def _players(part: OutputPart) -> PlayerServer:
    module = part.module
    if not isinstance(module, ShoutcastServer):
        raise ResourceError(f"{part.name} is a {part.settings.mode}, which does not know its listeners one by one")
    if not isinstance(module.players, PlayerServer):
        raise ResourceError(f"the listeners of {part.name} are known to its WORKERS, each to one, and not here")
    return module.players
