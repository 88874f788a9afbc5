"""`octojobs delete JOB`: removes a job from the jobs file."""

from __future__ import annotations

import click

from octojobs.actions.editing import deletion
from octojobs.cli.app import App, complete_job, dry_run_option, state_options
from octojobs.cli.editing import carry_out, commit_option
from octojobs.cli.group import Verb


@click.command(
    "delete",
    cls=Verb,
    examples=[
        ("octojobs delete nightly --commit", "gone with the next look of the daemon"),
        ("octojobs delete nightly --dry-run", "show the change of the file"),
    ],
)
@click.argument("job", shell_complete=complete_job)
@commit_option
@dry_run_option
@state_options
@click.pass_obj
def command(app: App, job: str, commit: bool, dry_run: bool) -> None:
    """Remove JOB from the file that declares it, with the comment right above it. Its history stays."""
    workspace = app.workspace()
    edit = deletion(workspace, job)
    carry_out(app, workspace, edit, commit=commit, dry_run=dry_run, acts_now=f"`octojobs pause {job}` acts now")
