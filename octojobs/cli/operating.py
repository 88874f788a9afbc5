"""What the verbs that ask something of the engine share."""

from __future__ import annotations

import click

from octojobs.actions.asking import Answer
from octojobs.cli.app import App
from octojobs.errors import ExitCode
from octojobs.store.requests import RequestRefused


def one_or_all(job: str | None, everything: bool) -> None:
    """Exactly one of a job and `--all`; click's UsageError else."""
    if (job is None) is not everything:
        raise click.UsageError("name a job, or say --all" if job is None else f"{job} or --all, not both")


def not_done(app: App, answer: Answer, what: str) -> int:
    """Raise RequestRefused for what was refused; say who has not taken the rest yet, and return the exit code."""
    if answer.refusal is not None:
        raise RequestRefused(what, answer.refusal, answer.by)
    app.screen.note(f"octojobs: {answer.by} has not taken it yet; it stays asked for, and {what} comes when it does")
    return ExitCode.FAILED
