"""`octojobs doctor`: what is wrong or weak here, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator

import click

from octojobs.actions.checkup.declared import declared
from octojobs.actions.checkup.finding import Finding, Level
from octojobs.actions.checkup.kept import damages, kept
from octojobs.actions.checkup.machine import machine
from octojobs.actions.workspace import Workspace
from octojobs.cli.app import App, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.text import visible
from octojobs.errors import ExitCode

STORY_S = 120
"""Two minutes."""


@click.command(
    "doctor",
    cls=Verb,
    examples=[
        ("octojobs doctor", "look at everything"),
        ("octojobs doctor --selftest", "kill daemons for two minutes, and see what this machine keeps of the promises"),
        ("octojobs doctor --json | jq '.findings[] | select(.level != \"ok\")'", "what is not as it should be, for a program"),
    ],
)
@click.option(
    "--selftest",
    type=click.IntRange(1, 86_400),
    is_flag=False,
    flag_value=STORY_S,
    metavar="[SECONDS]",
    help=f"Also tell a crash story in a new repository beside the state: kill daemons at random, for {STORY_S} seconds or so many.",
)
@json_option
@where_options
@click.pass_obj
def command(app: App, selftest: int | None, as_json: bool) -> int:
    """Look at the machine, the repository, the definitions and the state, and say what is wrong or weak, with the remedy.

    Exit 1 when something is wrong, 5 when the state is damaged; what is weak alone is exit 0. Nothing is changed; --selftest
    removes its repository at the end, unless a promise was broken in it.
    """
    workspace = app.workspace()
    findings = [*machine(workspace), *kept(workspace), *declared(workspace)]
    if selftest is not None:
        findings += _selftest(app, workspace, selftest)
    code = ExitCode.DAMAGED if damages(workspace) else _code(findings)
    if as_json:
        app.screen.json({"healthy": code == ExitCode.OK, "findings": [finding.view for finding in findings]})
        return code
    for finding in findings:
        fix = f"; {finding.fix}" if finding.fix else ""
        level = app.screen.tone(finding.level.value) + " " * (5 - len(finding.level.value))
        app.screen.say(f"{level}  {visible(f'{finding.subject}: {finding.what}{fix}')}")
    return code


def _selftest(app: App, workspace: Workspace, seconds: int) -> Iterator[Finding]:
    # lazily: nobody else needs it
    from octojobs.actions.checkup.selftest.story import selftest

    return selftest(workspace.repository.common_dir, workspace.clock, seconds, lambda what: app.screen.note(f"selftest: {what}"))


def _code(findings: list[Finding]) -> ExitCode:
    return ExitCode.FAILED if any(finding.level is Level.WRONG for finding in findings) else ExitCode.OK
