"""What one pass did, told: for `tick` and `up --once`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from octojobs.actions.foresight import plan_view
from octojobs.actions.workspace import Workspace
from octojobs.cli.app import App
from octojobs.cli.commands.plan import show_plan
from octojobs.cli.running import exit_code_of, tell_ended
from octojobs.errors import ExitCode
from octojobs.store.history import row_to_dict
from octojobs.views.runs import past_view

if TYPE_CHECKING:
    from octojobs.actions.running import Session


def dry_run_pass(app: App, workspace: Workspace) -> int:
    """Show what the pass would do."""
    show_plan(app, plan_view(workspace))
    return ExitCode.OK


def tell_pass(app: App, workspace: Workspace, session: Session) -> int:
    """A line for each thing that ended. 1 when a run failed or the newest definitions are not in force, 130 when interrupted."""
    note = session.reload.note
    if note:
        app.screen.note(f"octojobs: {note}")
    ended = [past_view(row_to_dict(row)) for row in session.rows]
    tell_ended(app, workspace, ended)
    if session.wake.stopping:
        app.screen.note("octojobs: interrupted; what runs goes on, and the next pass settles it")
        return ExitCode.INTERRUPTED
    if not ended:
        app.screen.note("nothing ended in this pass; `octojobs plan` shows why" if workspace.ledger().runs else "nothing was due")
    return ExitCode.FAILED if note else exit_code_of(ended)
