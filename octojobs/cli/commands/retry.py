"""`octojobs retry RUN`: runs the job of a finished run again."""

from __future__ import annotations

import click

from octojobs.actions.by_hand import ask_daemon, retry_request, run_id
from octojobs.cli.app import App, complete_job, dry_run_option, network_option, where_options
from octojobs.cli.asked import follow_asked, run_here
from octojobs.cli.group import Verb
from octojobs.cli.running import require_commit
from octojobs.errors import ExitCode


@click.command(
    "retry",
    cls=Verb,
    examples=[
        ("octojobs retry nightly", "the latest run of a job"),
        ("octojobs retry nightly@20261120T02 --wait", "one run, its id shortened; follow the new one"),
    ],
)
@click.argument("run", metavar="RUN|JOB", shell_complete=complete_job)
@click.option("--wait", is_flag=True, help="Follow the output until the new run has ended.")
@dry_run_option
@network_option
@where_options
@click.pass_obj
def command(app: App, run: str, wait: bool, dry_run: bool) -> int:
    """Run the job of RUN again, as it is declared now; a new run, whose conditions have to hold.

    Retries by the job's own policy happen by themselves. Where no daemon runs, it runs here.
    """
    workspace = app.workspace()
    job, request = retry_request(workspace, run)
    if dry_run:
        app.screen.say(f"{job.id} would run again, as {run_id(request)}")
        return ExitCode.OK
    require_commit(workspace)
    answer = ask_daemon(workspace, request)
    if answer is None:
        return run_here(app, workspace, request)
    return follow_asked(app, workspace, request, answer, wait=wait)
