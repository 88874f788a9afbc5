"""The click classes of the command line: a group that imports a verb when it is called, and a verb that shows examples."""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from octojobs.cli.verbs import VERBS


class Verb(click.Command):
    """A command whose help ends with examples, each a command line and what it does."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, one a line."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_dl([(line, f"# {what}") for line, what in self.examples], col_max=48)


class Verbs(click.Group):
    """`octojobs` itself: lists the verbs from their table, and imports the one that is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names in the order of the table, aliases left out."""
        return [name for name, entry in VERBS.items() if not entry.alias_of]

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The verb, imported now; None when there is none of that name."""
        entry = VERBS.get(name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(f"octojobs.cli.commands.{entry.module}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a suggestion for a name that is none; that `--help` shows the verbs is said of any wrong usage."""
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            close = difflib.get_close_matches(name, VERBS, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise click.UsageError(f"there is no verb {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs by section, from the table: `--help` imports none of them."""
        for section in dict.fromkeys(entry.section for entry in VERBS.values()):
            shown = [(name, entry.summary) for name, entry in VERBS.items() if entry.section == section and not entry.alias_of]
            with formatter.section(section):
                formatter.write_dl(shown)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs that begin with what was typed, from the table, and the options."""
        verbs = [CompletionItem(name, help=entry.summary) for name, entry in VERBS.items() if name.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)


def help_width() -> int:
    """How wide help is written: the terminal's width, or COLUMNS, within reason."""
    try:
        columns = int(os.environ.get("COLUMNS", "")) or os.get_terminal_size().columns
    except (OSError, ValueError):
        columns = 100
    return max(60, min(columns, 120))
