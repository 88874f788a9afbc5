"""`octojobs run-now JOB`: asks for a run, and follows it."""

from __future__ import annotations

import click

from octojobs.actions.by_hand import ask_daemon, preview, run_request
from octojobs.cli.app import App, complete_job, dry_run_option, network_option, where_options
from octojobs.cli.asked import follow_asked, run_here
from octojobs.cli.group import Verb
from octojobs.cli.preview import show_preview
from octojobs.cli.running import require_commit
from octojobs.cli.text import visible
from octojobs.errors import ExitCode


@click.command(
    "run-now",
    cls=Verb,
    examples=[
        ("octojobs run-now nightly", "now; its conditions still have to hold"),
        ("octojobs run-now nightly --wait", "follow its output; exit 1 when it fails"),
        ("octojobs run-now nightly --force", "past its conditions, recorded as such"),
        ("octojobs run-now nightly --dry-run", "the command, its folder and its environment"),
    ],
)
@click.argument("job", shell_complete=complete_job)
@click.option("--wait", is_flag=True, help="Follow the output until the run has ended.")
@click.option("--force", is_flag=True, help="Start in spite of conditions that do not hold.")
@dry_run_option
@network_option
@where_options
@click.pass_obj
def command(app: App, job: str, wait: bool, force: bool, dry_run: bool) -> int:
    """Ask for a run of JOB. The daemon starts it; where none runs, it runs here, in the foreground.

    It counts against its pool, and starts in spite of a pause.
    """
    workspace = app.workspace()
    declared, request = run_request(workspace, job, force=force)
    if workspace.kept_note:
        app.screen.note(f"octojobs: {visible(workspace.kept_note)}")
    if dry_run:
        show_preview(app, preview(workspace, declared, request))
        return ExitCode.OK
    require_commit(workspace)
    answer = ask_daemon(workspace, request)
    if answer is None:
        return run_here(app, workspace, request)
    return follow_asked(app, workspace, request, answer, wait=wait)
