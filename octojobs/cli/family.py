"""A verb with verbs of its own, such as `octojobs import crontab`: its help ends with examples as that of any verb does."""

from __future__ import annotations

import click

from octojobs.cli.group import Verb


class Family(Verb, click.Group):
    """A group of verbs that is a verb of `octojobs`."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; a name that is none is told what there is."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            raise click.UsageError(f"{name!r} is none of {', '.join(self.commands)}", ctx)
        return super().resolve_command(ctx, args)
