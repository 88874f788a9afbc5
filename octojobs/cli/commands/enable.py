"""`octojobs enable JOB`: lets a job run again, in the jobs file."""

from __future__ import annotations

import click

from octojobs.actions.editing import enabling
from octojobs.cli.app import App, complete_job, dry_run_option, state_options
from octojobs.cli.editing import carry_out, commit_option
from octojobs.cli.group import Verb


@click.command(
    "enable",
    cls=Verb,
    examples=[
        ("octojobs enable nightly", "live after the next commit"),
        ("octojobs enable nightly --commit", "and commit just that"),
    ],
)
@click.argument("job", shell_complete=complete_job)
@commit_option
@dry_run_option
@state_options
@click.pass_obj
def command(app: App, job: str, commit: bool, dry_run: bool) -> None:
    """Take `enabled: false` from JOB, in the file that declares it."""
    workspace = app.workspace()
    edit = enabling(workspace, job, enabled=True)
    if not edit.changes:
        app.screen.say(f"{job} is enabled already")
        return
    carry_out(app, workspace, edit, commit=commit, dry_run=dry_run)
