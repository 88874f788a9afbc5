"""`octojobs disable JOB`: stops a job, in the jobs file."""

from __future__ import annotations

import click

from octojobs.actions.editing import enabling
from octojobs.cli.app import App, complete_job, dry_run_option, state_options
from octojobs.cli.editing import carry_out, commit_option
from octojobs.cli.group import Verb


@click.command(
    "disable",
    cls=Verb,
    examples=[
        ("octojobs disable nightly", "live after the next commit; `octojobs pause nightly` acts now"),
        ("octojobs disable nightly --commit", "and commit just that"),
    ],
)
@click.argument("job", shell_complete=complete_job)
@commit_option
@dry_run_option
@state_options
@click.pass_obj
def command(app: App, job: str, commit: bool, dry_run: bool) -> None:
    """Write `enabled: false` to JOB, in the file that declares it: it is never due then, and its history stays."""
    workspace = app.workspace()
    edit = enabling(workspace, job, enabled=False)
    if not edit.changes:
        app.screen.say(f"{job} is disabled already")
        return
    carry_out(app, workspace, edit, commit=commit, dry_run=dry_run, acts_now=f"`octojobs pause {job}` acts now")
