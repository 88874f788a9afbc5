"""`octojobs down`: stops the daemon."""

from __future__ import annotations

import click

from octojobs.actions.stopping import daemon, down, running
from octojobs.cli.app import App, dry_run_option, state_options
from octojobs.cli.group import Verb
from octojobs.cli.text import plural
from octojobs.errors import ExitCode


@click.command(
    "down",
    cls=Verb,
    examples=[
        ("octojobs down", "running jobs carry on; the next `up` adopts them"),
        ("octojobs down --kill", "end what runs, too"),
    ],
)
@click.option("--kill", is_flag=True, help="Cancel what runs first.")
@dry_run_option
@state_options
@click.pass_obj
def command(app: App, kill: bool, dry_run: bool) -> int:
    """Stop the daemon of this repository. Running jobs carry on, with their time limits; the next `up` adopts them."""
    workspace = app.workspace()
    if dry_run:
        holder = daemon(workspace)
        app.screen.say(f"{holder} would be stopped" if holder else "no daemon runs")
        return ExitCode.OK
    stopped = down(workspace, kill=kill)
    if stopped is None:
        app.screen.say("no daemon runs")
        return ExitCode.OK
    left = running(workspace)
    app.screen.say(f"stopped {stopped.holder}" + (f"; {plural(len(left), 'run')} carried on" if left else ""))
    return ExitCode.OK
