"""`octojobs hook`: what the git hooks call."""

from __future__ import annotations

import click

from octojobs.actions.hooks import after_change, pre_commit
from octojobs.cli.app import App, state_options
from octojobs.cli.group import Verb
from octojobs.cli.text import plural
from octojobs.config.diagnostics import visible
from octojobs.errors import ExitCode, OctojobsError, Severity


@click.command(
    "hook",
    cls=Verb,
    context_settings={"ignore_unknown_options": True},
    examples=[
        ("octojobs hook pre-commit", "check what is staged; exit 2 refuses the commit"),
        ("octojobs hook post-merge", "wake the daemon, say what waits for approval"),
    ],
)
@click.argument("name", type=click.Choice(["pre-commit", "post-merge", "post-checkout"]))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@state_options
@click.pass_obj
def command(app: App, name: str, arguments: tuple[str, ...]) -> int:  # noqa: ARG001 - git passes them, nothing here needs them
    """Do what the git hook NAME delegates to octojobs; what git passes to the hook may follow.

    pre-commit checks the definitions that are staged, as they are staged. post-merge and post-checkout wake the daemon
    and print what waits for approval; they never fail.
    """
    if name == "pre-commit":
        return _pre_commit(app)
    try:
        waits = after_change(app.workspace())
    except OctojobsError as error:
        waits = str(error)
    if waits:
        app.screen.note(f"octojobs: {waits}")
    return ExitCode.OK


def _pre_commit(app: App) -> int:
    problems = pre_commit(app.workspace())
    for problem in problems:
        app.screen.note(visible(str(problem)))
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if not errors:
        return ExitCode.OK
    app.screen.note(f"octojobs: {plural(errors, 'problem')} in what is staged; mend and `git add` it, or `git commit --no-verify`")
    return ExitCode.USAGE
