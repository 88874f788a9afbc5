"""`octojobs cancel RUN|JOB`: ends a run, or all open runs of a job."""

from __future__ import annotations

import click

from octojobs.actions.operating import cancel, cancel_requests, ended_soon
from octojobs.cli.app import App, complete_job, dry_run_option, network_option, state_options
from octojobs.cli.group import Verb
from octojobs.cli.operating import not_done
from octojobs.core.durations import format_duration
from octojobs.errors import ExitCode


@click.command(
    "cancel",
    cls=Verb,
    examples=[
        ("octojobs cancel nightly", "every open run of a job: running, queued, waiting, to be retried"),
        ("octojobs cancel nightly@20261120T02", "one run; its id may be shortened"),
    ],
)
@click.argument("run", metavar="RUN|JOB", shell_complete=complete_job)
@dry_run_option
@network_option
@state_options
@click.pass_obj
def command(app: App, run: str, dry_run: bool) -> int:
    """End RUN, or all open runs of JOB: TERM to its processes, KILL after the job's kill_grace. It is not retried."""
    workspace = app.workspace()
    requests = cancel_requests(workspace, run)
    if dry_run:
        for one, _ in requests:
            app.screen.say(f"{one.id} would be cancelled; it is {one.phase}")
        return ExitCode.OK
    for one, answer in cancel(workspace, requests):
        if not answer.taken:
            return not_done(app, answer, "the cancelling")
        # One that ended meanwhile is refused, and has its end told like the others.
        ended = ended_soon(workspace, one.id)
        if ended is None and not answer.done:
            return not_done(app, answer, "the cancelling")
        if ended is not None:
            app.screen.say(f"{one.id} {'was cancelled' if ended['outcome'] == 'cancelled' else 'ended before that: ' + ended['outcome']}")
        else:
            grace = format_duration(one.definition.limits.kill_grace_s)
            app.screen.say(f"{one.id} was told to end; it is killed after {grace}")
    return ExitCode.OK
