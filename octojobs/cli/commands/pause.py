"""`octojobs pause [JOB|--all]`: stops starts, of one job or of all."""

from __future__ import annotations

from datetime import timedelta

import click

from octojobs.actions.asking import ask
from octojobs.actions.operating import pause_request
from octojobs.cli.app import App, complete_job, dry_run_option, network_option, state_options
from octojobs.cli.group import Verb
from octojobs.cli.operating import not_done, one_or_all
from octojobs.cli.params import DURATION
from octojobs.cli.text import is_text
from octojobs.errors import ExitCode


@click.command(
    "pause",
    cls=Verb,
    examples=[
        ("octojobs pause nightly", "until `octojobs resume nightly`"),
        ('octojobs pause --all --for 2h --reason "moving house"', "everything, for two hours"),
    ],
)
@click.argument("job", required=False, shell_complete=complete_job)
@click.option("--all", "everything", is_flag=True, help="All jobs.")
@click.option("--for", "lasts", type=DURATION, metavar="DURATION", help="How long, such as 2h; else until `octojobs resume`.")
@click.option("--reason", metavar="TEXT", default="", help="Shown wherever the pause is.")
@dry_run_option
@network_option
@state_options
@click.pass_obj
def command(app: App, job: str | None, everything: bool, lasts: timedelta | None, reason: str, dry_run: bool) -> int:
    """Start nothing of JOB, or of all jobs, from now on. What runs goes on; due instants are recorded as skipped.

    Acts at once and needs no commit; `octojobs disable` is the lasting way. A run that somebody asks for starts in spite of it.
    """
    one_or_all(job, everything)
    if not is_text(reason):
        raise click.UsageError("the reason is not UTF-8 text")
    workspace = app.workspace()
    request = pause_request(workspace, job, lasts, reason)
    what = str(request.job or "everything")
    if dry_run:
        app.screen.say(f"{what} would be paused" + (f" until {app.screen.when(request.until)}" if request.until else ""))
        return ExitCode.OK
    answer = ask(workspace, request)
    if not answer.done:
        return not_done(app, answer, "the pause")
    until = f"until {app.screen.when(request.until)}" if request.until else "until `octojobs resume" + (f" {job}`" if job else " --all`")
    app.screen.say(f"{what} is paused {until}")
    return ExitCode.OK
