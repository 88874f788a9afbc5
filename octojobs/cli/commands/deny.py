"""`octojobs deny`: takes back what `allow` said."""

from __future__ import annotations

import click

from octojobs.actions.foresight import is_trusted
from octojobs.actions.trusting import deny
from octojobs.cli.app import App, dry_run_option, state_options
from octojobs.cli.group import Verb
from octojobs.errors import ExitCode


@click.command("deny", cls=Verb, examples=[("octojobs deny", "this repository starts nothing here any more")])
@dry_run_option
@state_options
@click.pass_obj
def command(app: App, dry_run: bool) -> int:
    """Take back that this repository's jobs may run on this machine. A daemon that runs ends; its running jobs go on."""
    workspace = app.workspace()
    holder = workspace.holder()
    known = is_trusted(workspace) if dry_run else deny(workspace)
    if not known:
        app.screen.say(f"{workspace.root} was not allowed")
        return ExitCode.OK
    app.screen.say(f"{'would be ' if dry_run else ''}denied: {workspace.root}")
    if holder is not None:
        app.screen.note(f"{holder} {'would end' if dry_run else 'ends'} within a second; its running jobs go on")
    return ExitCode.OK
