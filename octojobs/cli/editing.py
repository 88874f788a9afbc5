"""What the verbs that edit the jobs file share: the options, and what they say afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from octojobs.actions.editing import Edit, apply, is_live_on_save
from octojobs.actions.workspace import Workspace
from octojobs.cli.app import App
from octojobs.cli.text import visible

F = TypeVar("F", bound=Callable[..., Any])


def commit_option(function: F) -> F:
    """`--commit`."""
    return click.option("--commit", is_flag=True, help="Commit just this change.")(function)


def carry_out(app: App, workspace: Workspace, edit: Edit, *, commit: bool, dry_run: bool, acts_now: str = "") -> None:
    """Show the edit (`dry_run`) or make it, and say when it is live; `acts_now` is the command that needs no commit."""
    screen, path = app.screen, edit.amendment.path
    if dry_run:
        for line in edit.diff.splitlines():
            screen.say(screen.paint(visible(line), {"+": "green", "-": "red"}.get(line[:1], "")))
        return
    committed = apply(workspace, edit, commit=commit)
    if committed:
        screen.say(f"{edit.message}: committed as {committed[:12]}")
        return
    when = "live now" if is_live_on_save(workspace) else "live after the commit"
    hint = f"; {acts_now}" if acts_now and not is_live_on_save(workspace) else ""
    screen.say(f"{edit.message}: written to {path}, {when}{hint}")
