"""`octojobs tick`: one pass, then exit."""

from __future__ import annotations

import click

from octojobs.cli.app import App, dry_run_option, log_format_option, network_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.logs import log_to_stderr
from octojobs.cli.passes import dry_run_pass, tell_pass
from octojobs.cli.running import require_commit


@click.command(
    "tick",
    cls=Verb,
    examples=[
        ("octojobs tick", "from cron, launchd or CI, every minute"),
        ("octojobs tick --no-wait", "leave what it started to the next tick"),
    ],
)
@click.option("--no-wait", is_flag=True, help="Exit when everything due has been started.")
@log_format_option
@dry_run_option
@network_option
@where_options
@click.pass_obj
def command(app: App, no_wait: bool, log_format: str, dry_run: bool) -> int:
    """Start what is due now, wait for it, and exit: for cron, launchd, CI and other loops.

    Exit 1 when a run failed, or when the newest definitions can't be used and the last good ones ran.
    """
    workspace = app.workspace()
    if dry_run:
        return dry_run_pass(app, workspace)
    require_commit(workspace)
    as_json = log_format == "json"
    log_to_stderr(as_json=as_json)
    # lazily: the engine is 0.1 s that `--help` and `--dry-run` need not pay
    from octojobs.actions.running import tick

    return tell_pass(app, workspace, tick(workspace, wait=not no_wait, events=as_json))
