"""The command ``completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from distreamer.cli.examples import examples

SHELLS = ("bash", "zsh", "fish")
_EPILOG = examples(
    {
        'eval "$(distreamer completion bash)"': "in ~/.bashrc",
        'eval "$(distreamer completion zsh)"': "in ~/.zshrc, behind compinit",
        "distreamer completion fish | source": "in ~/.config/fish/config.fish",
    }
)


@click.command(epilog=_EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script by which a shell completes commands and files.

    With it, the Tab key completes what is typed behind "distreamer".
    """
    root = context.find_root()
    kind = get_completion_class(shell)
    assert kind is not None, "click knows all SHELLS"
    name = "distreamer"
    click.echo(kind(root.command, {}, name, f"_{name.upper()}_COMPLETE").source())
