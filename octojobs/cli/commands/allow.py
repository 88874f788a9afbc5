"""`octojobs allow`: shows what this repository would run, asks, and records the answer."""

from __future__ import annotations

import sys

import click

from octojobs.actions.trusting import Proposal, allow, propose
from octojobs.cli.app import App, dry_run_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.text import visible
from octojobs.config.trust import Level
from octojobs.errors import ExitCode, UsageError

LEVELS = [level.value for level in Level]


@click.command(
    "allow",
    cls=Verb,
    examples=[
        ("octojobs allow", "read what would run, then answer"),
        ("octojobs allow --dry-run", "only read"),
        ("octojobs allow --yes", "in a script, by somebody who has read it"),
        ("octojobs allow --level plan", "from now on each change waits for another `octojobs allow`"),
        ("octojobs allow --level signed", "from now on a change runs when its commits are signed by your signers"),
        ("octojobs allow --source refs/heads/main", "from now on read that branch, whatever is checked out"),
    ],
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    help="What a changed definition needs; else as before, at first `repository`.",
)
@dry_run_option
@where_options
@click.pass_obj
def command(app: App, yes: bool, level: str | None, dry_run: bool) -> int:
    """Let this repository's jobs run on this machine, after showing all that would be executed.

    Level `repository`: whatever is committed later runs as well. Level `plan`: a changed plan waits until you have seen
    the change here; removals apply at once. The scripts that jobs name are part of the plan, pinned by their contents.
    Level `signed`: as `plan`, but a change runs without being asked about when every commit that touches it is signed by
    one of the signers in your own file, `~/.config/octojobs/allowed_signers`. With --source, every verb reads definitions
    from there until the next `octojobs allow --source`. The answer is kept in your own state folder, outside the repository.
    """
    workspace = app.workspace()
    proposal = propose(workspace, Level(level) if level else None, app.source)
    _show(app, proposal)
    if dry_run:
        return ExitCode.OK
    if proposal.known:
        app.screen.say(f"{workspace.root} is allowed already, {_how(proposal)}")
        return ExitCode.OK
    if not yes and not _asked(app, str(workspace.root)):
        app.screen.note("octojobs: nothing was allowed")
        return ExitCode.FAILED
    allow(workspace, proposal)
    app.screen.say(f"allowed: {workspace.root}, {_how(proposal)}")
    return ExitCode.OK


def _how(proposal: Proposal) -> str:
    source = f", its definitions read from {proposal.read_from}" if proposal.read_from else ""
    return f"at level {proposal.level}{source}"


def _show(app: App, proposal: Proposal) -> None:
    screen = app.screen
    place = proposal.source if proposal.source == "worktree" else f"commit {proposal.source[:12]}"
    screen.say(f"what would run, from {place}:")
    for line in proposal.lines or ("nothing: no jobs are declared",):
        # A command of several lines comes indented: each line is made safe by itself.
        for part in line.split("\n"):
            screen.say(f"  {visible(part)}")
    for pin in proposal.pins:
        screen.say(visible(pin))
    if proposal.diff:
        screen.say()
        for line in proposal.diff.splitlines():
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            screen.say(screen.paint(visible(line), style))


def _asked(app: App, root: str) -> bool:
    """Whether the person at the terminal says yes; UsageError when there is none."""
    if not (sys.stdin.isatty() and app.screen.terminal):
        raise UsageError("nobody is here to answer", "read the above, then `octojobs allow --yes`")
    return click.confirm(f"Let {visible(root)} run this on this machine?")
