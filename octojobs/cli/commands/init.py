"""`octojobs init`: begins in a repository."""

from __future__ import annotations

import click

from octojobs.actions.beginning import begin, commit
from octojobs.actions.workspace import Workspace
from octojobs.cli.app import App, dry_run_option, repo_option
from octojobs.cli.group import Verb
from octojobs.cli.text import visible


@click.command(
    "init",
    cls=Verb,
    examples=[
        ("octojobs init", "then `git commit` and `octojobs up`"),
        ("octojobs init --commit", "and commit just what was written"),
        ("octojobs init --service", "and let your service manager keep `octojobs up` running"),
        ("octojobs init --with housekeeping", "and declare the jobs that are shipped, in .octopoid/jobs/housekeeping.yaml"),
        ("octojobs init --dry-run", "say what would be written"),
    ],
)
@click.option("--commit", "commits", is_flag=True, help="Commit just what was written.")
@click.option("--no-hook", is_flag=True, help="Leave the git hook alone.")
@click.option("--service", is_flag=True, help="Install the systemd user unit, or the launchd agent on macOS, that runs `octojobs up`.")
@click.option("--with", "extra", type=click.Choice(["housekeeping"]), help="Declare the shipped jobs too, in a file of their own.")
@dry_run_option
@repo_option
@click.pass_obj
def command(app: App, commits: bool, no_hook: bool, service: bool, extra: str | None, dry_run: bool) -> None:
    """Write .octopoid/jobs.yaml with living examples, a line of .gitignore and the git hook, and allow this repository.

    Nothing is overwritten. What was written is staged, so that `git commit` takes it. Jobs that were here before are not
    allowed by this: `octojobs allow` shows them, and asks.
    """
    workspace, screen = app.workspace(), app.screen
    steps = begin(workspace, hook=not no_hook, housekeeping=extra is not None, dry_run=dry_run)
    for step in steps:
        word = ("would write" if dry_run else "wrote") if step.path else ("would set" if dry_run else "set") if step.done else "kept"
        screen.say(f"{screen.paint(word, 'green' if step.done else 'dim')}  {step.what}")
        for line in step.more.splitlines():
            screen.say(f"      {line}")
    if service:
        _service(app, workspace, dry_run)
    if dry_run:
        return
    committed = commit(workspace, steps) if commits else ""
    if committed:
        screen.say(f"committed as {committed[:12]}; `octojobs up` runs it")
    elif any(step.path for step in steps if step.done):
        screen.say("next: `git commit`, then `octojobs up`")


def _service(app: App, workspace: Workspace, dry_run: bool) -> None:
    # lazily: most beginnings install no service
    from octojobs.actions.service_unit import install_service

    screen, installed = app.screen, install_service(workspace, dry_run=dry_run)
    for path in installed.written:
        screen.say(f"{screen.paint('would write' if dry_run else 'wrote', 'green')}  {visible(str(path))}")
    for path in installed.kept:
        screen.say(f"{screen.paint('kept', 'dim')}  {visible(str(path))}")
    screen.say(f"      start it, after the commit, by: {visible(installed.start)}")
