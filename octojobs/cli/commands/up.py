"""`octojobs up`: runs the daemon."""

from __future__ import annotations

import logging

import click

from octojobs.actions.detaching import detach
from octojobs.actions.workspace import Workspace
from octojobs.cli.app import App, dry_run_option, log_format_option, network_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.logs import log_to_stderr
from octojobs.cli.passes import dry_run_pass, tell_pass
from octojobs.cli.running import require_commit
from octojobs.cli.text import plural
from octojobs.core.definitions import Definitions
from octojobs.errors import ExitCode

log = logging.getLogger("octojobs.up")


@click.command(
    "up",
    cls=Verb,
    examples=[
        ("octojobs up", "in the foreground; Ctrl-C stops it, running jobs go on"),
        ("octojobs up --detach", "in the background; `octojobs down` stops it"),
        ("octojobs up --source worktree", "while developing: live when saved"),
        ("octojobs up --once", "one plan and its runs, then exit"),
        ("octojobs up --log-format json", "a log for programs: one object a line"),
    ],
)
@click.option("--once", is_flag=True, help="Plan once, run that and the retries due within a minute, and exit; as `tick`.")
@click.option("--detach", "-d", "detached", is_flag=True, help="Run in the background, and return when it is up.")
@log_format_option
@dry_run_option
@network_option
@where_options
@click.pass_obj
def command(app: App, once: bool, detached: bool, log_format: str, dry_run: bool) -> int:
    """Run the jobs of this repository until told to stop: from the commit that HEAD of the main worktree names.

    A change is live when it is committed. Only one daemon serves a repository; a second one exits 3 and names it.
    """
    if once and detached:
        raise click.UsageError("--once or --detach, not both")
    workspace = app.workspace()
    if dry_run:
        return dry_run_pass(app, workspace)
    require_commit(workspace)
    if detached:
        return _detach(app, workspace, log_format)
    as_json = log_format == "json"
    log_to_stderr(daemon=not once, as_json=as_json)
    # lazily: the engine is 0.1 s that `--help`, `--dry-run` and `--detach` need not pay
    from octojobs.actions import running

    if once:
        return tell_pass(app, workspace, running.once(workspace, events=as_json))
    why = running.up(workspace, ready=lambda session: _say_up(workspace, session.reload.current()), events=as_json)
    return ExitCode.INTERRUPTED if why == "SIGINT" else ExitCode.OK


def _say_up(workspace: Workspace, definitions: Definitions) -> None:
    jobs = plural(len(definitions.jobs), "job")
    log.info("up: %s, %s from %s; state in %s", workspace.root, jobs, workspace.source_name, workspace.paths.root)


def _detach(app: App, workspace: Workspace, log_format: str) -> int:
    options = ["--log-format", log_format]
    options += ["--allow-network-fs"] if workspace.allow_network_fs else []
    if workspace.state_dir is not None:
        options += ["--state-dir", str(workspace.state_dir.absolute())]
    if workspace.jobs_file is not None:
        options += ["--jobs-file", workspace.jobs_file]
    started = detach(workspace, options)
    if started.exit_code is not None:
        for line in started.log_lines:
            app.screen.note(line)
        return started.exit_code
    app.screen.say(f"up: pid {started.pid}; its log is {started.log}")
    return ExitCode.OK
