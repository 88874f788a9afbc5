"""What the verbs that ask something of the engine share."""

from __future__ import annotations

import click

from octojobs.actions.asking import Answer
from octojobs.cli.app import App
from octojobs.errors import ExitCode


def one_or_all(job: str | None, everything: bool) -> None:
    """Exactly one of a job and `--all`; click's UsageError else."""
    if (job is None) is not everything:
        raise click.UsageError("name a job, or say --all" if job is None else f"{job} or --all, not both")


def not_taken(app: App, answer: Answer, what: str) -> int:
    """Say that what was asked for has not happened, and return the exit code."""
    if answer.taken:
        app.screen.note(f"octojobs: {what} was asked for and refused; the daemon's log says why")
    else:
        app.screen.note(f"octojobs: {answer.by} has not taken it yet; it stays asked for, and {what} comes when it does")
    return ExitCode.FAILED
