"""What the verbs that run jobs share: how the end of runs is told, and where definitions must come from."""

from __future__ import annotations

from collections.abc import Iterable

from octojobs.actions.output import tail
from octojobs.actions.workspace import HEAD, Workspace
from octojobs.cli.app import App
from octojobs.cli.text import visible
from octojobs.cli.times import span
from octojobs.errors import ExitCode, UsageError
from octojobs.views.runs import FAILURES
from octojobs.views.values import View

TAIL_LINES = 10


def require_commit(workspace: Workspace) -> None:
    """UsageError before the first commit: reading verbs show the working tree then, and nothing is run from it unasked."""
    if workspace.source_name == HEAD and workspace.repository.head().commit is None:
        what = f"{workspace.root} has no commit yet, and definitions are read from a commit"
        raise UsageError(what, "commit .octopoid/jobs.yaml, or use --source worktree while developing")


def tell_ended(app: App, workspace: Workspace, runs: Iterable[View], *, tails: bool = True) -> None:
    """A line for each run that has ended; the end of its output where it failed (`tails`)."""
    for run in runs:
        took = f" after {span(run['duration_s'])}" if run["duration_s"] is not None else ""
        why = f": {visible(run['reason'])}" if run["reason"] else ""
        code = f" with exit code {run['exit_code']}" if run["exit_code"] and not run["reason"] else ""
        app.screen.say(f"{run['id']} {app.screen.tone(run['outcome'])}{code}{took}{why}")
        if tails and run["outcome"] in FAILURES:
            for line in tail(workspace, run, TAIL_LINES):
                app.screen.say(f"  | {line}")


def exit_code_of(runs: Iterable[View]) -> ExitCode:
    """1 when one of the runs failed, else 0."""
    return ExitCode.FAILED if any(run["outcome"] in FAILURES for run in runs) else ExitCode.OK
