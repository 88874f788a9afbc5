"""`octojobs resume [JOB|--all]`: ends a pause."""

from __future__ import annotations

import click

from octojobs.actions.asking import ask
from octojobs.actions.operating import resume_request
from octojobs.cli.app import App, complete_job, dry_run_option, network_option, state_options
from octojobs.cli.group import Verb
from octojobs.cli.operating import not_done, one_or_all
from octojobs.errors import ExitCode


@click.command(
    "resume",
    cls=Verb,
    examples=[("octojobs resume nightly", "of one job"), ("octojobs resume --all", "the pause of everything")],
)
@click.argument("job", required=False, shell_complete=complete_job)
@click.option("--all", "everything", is_flag=True, help="End the pause of everything; jobs that were paused one by one stay so.")
@dry_run_option
@network_option
@state_options
@click.pass_obj
def command(app: App, job: str | None, everything: bool, dry_run: bool) -> int:
    """End the pause of JOB, or of everything. What fell due meanwhile was skipped and is not made up."""
    one_or_all(job, everything)
    workspace = app.workspace()
    request = resume_request(workspace, job)
    what = str(request.job or "everything")
    if dry_run:
        app.screen.say(f"{what} would be resumed")
        return ExitCode.OK
    answer = ask(workspace, request)
    if not answer.done:
        return not_done(app, answer, "the end of the pause")
    app.screen.say(f"{what} is resumed")
    return ExitCode.OK
