"""`octojobs init`: begins in a repository."""

from __future__ import annotations

import click

from octojobs.actions.beginning import begin, commit
from octojobs.cli.app import App, dry_run_option, repo_option
from octojobs.cli.group import Verb


@click.command(
    "init",
    cls=Verb,
    examples=[
        ("octojobs init", "then `git commit` and `octojobs up`"),
        ("octojobs init --commit", "and commit just what was written"),
        ("octojobs init --dry-run", "say what would be written"),
    ],
)
@click.option("--commit", "commits", is_flag=True, help="Commit just what was written.")
@click.option("--no-hook", is_flag=True, help="Leave the git hook alone.")
@dry_run_option
@repo_option
@click.pass_obj
def command(app: App, commits: bool, no_hook: bool, dry_run: bool) -> None:
    """Write .octopoid/jobs.yaml with living examples, a line of .gitignore and the git hook, and allow this repository.

    Nothing is overwritten. What was written is staged, so that `git commit` takes it. Jobs that were here before are not
    allowed by this: `octojobs allow` shows them, and asks.
    """
    workspace, screen = app.workspace(), app.screen
    steps = begin(workspace, hook=not no_hook, dry_run=dry_run)
    for step in steps:
        word = ("would write" if dry_run else "wrote") if step.path else ("would set" if dry_run else "set") if step.done else "kept"
        screen.say(f"{screen.paint(word, 'green' if step.done else 'dim')}  {step.what}")
        for line in step.more.splitlines():
            screen.say(f"      {line}")
    if dry_run:
        return
    committed = commit(workspace, steps) if commits else ""
    if committed:
        screen.say(f"committed as {committed[:12]}; `octojobs up` runs it")
    elif any(step.path for step in steps if step.done):
        screen.say("next: `git commit`, then `octojobs up`")
