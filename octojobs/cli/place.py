"""A path on the command line, apart from the other values: every verb needs it, and none of what those import."""

from __future__ import annotations

from typing import Any

import click


class Place(click.Path):
    """A path that is there in words: an empty variable of a script must not stand for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, of the type that was asked for."""
        if value in ("", b""):
            self.fail("it is empty; name a path, or leave it away", param, ctx)
        return super().convert(value, param, ctx)
