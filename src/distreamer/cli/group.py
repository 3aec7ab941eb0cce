"""A click group whose first argument may be a command or a file."""

from __future__ import annotations

import errno
import os
from glob import escape, glob
from typing import Any

import click
from click.shell_completion import CompletionItem

from distreamer.config.wording import nearest, printable
from distreamer.errors import ConfigError, DiStreamerError

EXIT_ERROR = 1
EXIT_CONFIG = 2
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What a file or a terminal answers that takes no more of the output; a closed pipe is click's own."""


class CommandOrFiles(click.Group):
    """``distreamer studio.conf`` means ``distreamer run studio.conf``. Documented errors end with one line each
    on standard error and the exit code: 2 for the configuration, 1 for anything else."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Puts ``run`` in front of what is neither a command nor one of the group's own options."""
        if context.resilient_parsing and not args:
            return super().parse_args(context, args)  # a shell asks what might stand here
        own_options = {name for parameter in self.get_params(context) for name in parameter.opts}
        if not args or (args[0] not in self.commands and args[0] not in own_options):
            # os.path, since Path.exists raises where a folder may not be entered; that is told when the file is read.
            is_file = not args or args[0].startswith("-") or os.path.exists(args[0])
            if not is_file and not context.resilient_parsing:
                self._refuse_misspelt_command(args[0])
            args = ["run", *args]
        return super().parse_args(context, args)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and configuration files; any files where nothing else fits."""
        found = super().shell_complete(context, incomplete)
        if not incomplete.startswith("-"):
            found += [CompletionItem(name) for name in sorted(glob(f"{escape(incomplete)}*.conf"))]
        return found or [CompletionItem(incomplete, type="file")]

    def _refuse_misspelt_command(self, word: str) -> None:
        guess = nearest(word, self.commands)
        if guess is not None:
            raise click.UsageError(f"there is no file and no command {printable(word)}; did you mean {guess}?")

    def invoke(self, context: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(context)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            count = len(error.problems)
            click.echo(f"distreamer: {count} {'fault' if count == 1 else 'faults'}; nothing was started", err=True)
            context.exit(EXIT_CONFIG)
        except DiStreamerError as error:
            click.echo(f"distreamer: {printable(str(error))}", err=True)
            context.exit(EXIT_ERROR)
        except OSError as error:
            if error.errno not in _FULL or error.filename is not None:
                raise
            click.echo(f"distreamer: the output cannot be written: {error.strerror}", err=True)
            context.exit(EXIT_ERROR)
