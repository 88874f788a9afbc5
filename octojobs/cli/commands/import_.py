"""`octojobs import`: jobs from what people have already."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import click

from octojobs.cli.app import App, dry_run_option, state_options
from octojobs.cli.editing import commit_option
from octojobs.cli.family import Family
from octojobs.cli.group import Verb
from octojobs.cli.params import ZONE
from octojobs.cli.text import listing, plural, visible
from octojobs.core.identity import InvalidId, JobId
from octojobs.errors import ExitCode, Severity, UsageError

if TYPE_CHECKING:
    from octojobs.actions.importing import Import

F = TypeVar("F", bound=Callable[..., object])


def _options(function: F) -> F:
    """What both kinds of import take."""
    function = click.option("--timezone", metavar="ZONE", type=ZONE, help="The zone that the schedules are meant in; else this machine's.")(
        function
    )
    return state_options(dry_run_option(commit_option(function)))


@click.group(
    "import",
    cls=Family,
    examples=[
        ("crontab -l | octojobs import crontab -", "your own crontab, as .octopoid/jobs/crontab.yaml"),
        ("octojobs import tasks-loop ~/agent --dry-run", "what the jobs of a tasks-loop folder would become"),
    ],
)
def command() -> None:
    """Add jobs from what you have already, as new files in .octopoid/jobs/; nothing is ever overwritten.

    What can't be imported is reported with its place and the reason, and makes the exit code 1; the rest is imported.
    """


@command.command(
    "crontab",
    cls=Verb,
    examples=[
        ("crontab -l | octojobs import crontab - --dry-run", "print what your crontab would become"),
        ("octojobs import crontab /etc/crontab --system", "a crontab with a user before each command"),
    ],
)
@click.argument("file", type=click.File("rb"))
@click.option("--system", is_flag=True, help="A user stands before each command, as in /etc/crontab and /etc/cron.d (found out there).")
@click.option("--name", metavar="NAME", help="The new file, .octopoid/jobs/NAME.yaml; else the name of FILE.")
@_options
@click.pass_obj
def crontab(app: App, file: BinaryIO, system: bool, name: str | None, timezone: str | None, commit: bool, dry_run: bool) -> int:
    """Import the entries of a crontab; FILE may be - for standard input.

    CRON_TZ becomes the time zone, SHELL the shell, other variables the environment, comments descriptions. Text behind
    a % becomes what the command reads.
    """
    # lazily: `--help` needs no reader of definitions
    from octojobs.actions.importing import from_crontab

    shown = "crontab" if file.name in ("-", "<stdin>") else file.name
    system = system or shown == "/etc/crontab" or shown.startswith("/etc/cron.d/")
    plan = from_crontab(app.workspace(), file.read(), shown=shown, name=_name(name, shown), system=system, timezone=timezone)
    return _finish(app, plan, shown, commit, dry_run)


@command.command(
    "tasks-loop",
    cls=Verb,
    examples=[
        ("octojobs import tasks-loop .", "the jobs/ and config/scheduler.yaml of this folder"),
        ("octojobs import tasks-loop ~/agent --timezone Europe/Berlin --commit", "with another time zone, live at once"),
    ],
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_options
@click.pass_obj
def tasks_loop(app: App, folder: Path, timezone: str | None, commit: bool, dry_run: bool) -> int:
    """Import the jobs of a tasks-loop FOLDER, a file each: its jobs/*.yaml, with what its config/scheduler.yaml says."""
    # lazily, as above
    from octojobs.actions.importing import from_tasks_loop

    return _finish(app, from_tasks_loop(app.workspace(), folder, timezone=timezone), str(folder), commit, dry_run)


def _name(given: str | None, shown: str) -> str:
    name = given if given is not None else re.sub(r"[^A-Za-z0-9_-]+", "-", PurePath(shown).stem).strip("-") or "crontab"
    try:
        return JobId(name)
    except InvalidId:
        raise UsageError(
            f'"{name}" can\'t be the name of a file of jobs', "choose one by --name: a letter first, then letters and digits"
        ) from None


def _finish(app: App, plan: Import, shown: str, commit: bool, dry_run: bool) -> int:
    # lazily, as above
    from octojobs.actions.editing import is_live_on_save
    from octojobs.actions.importing import write

    screen = app.screen
    for problem in plan.problems:
        screen.note(visible(str(problem)))
    if not plan.jobs:
        screen.note(f"octojobs: nothing to import in {visible(shown)}")
        return ExitCode.FAILED
    if dry_run:
        for path, text in plan.files.items():
            screen.say(f"# {path}\n{text}" if len(plan.files) > 1 else text.removesuffix("\n"))
    else:
        message = f"import {plural(len(plan.jobs), 'job')} from {PurePath(shown).name or 'another scheduler'}"
        workspace = app.workspace()
        committed = write(workspace, plan, commit=commit, message=f"jobs: {message}")
        live = "live now" if is_live_on_save(workspace) else "live after the commit"
        came = f"committed as {committed[:12]}" if committed else live
        screen.say(f"{message}: {listing(list(plan.jobs))}; written to {listing(list(plan.files))}, {came}")
    left = sum(problem.severity is Severity.ERROR for problem in plan.problems)
    if left:
        screen.note(f"octojobs: {plural(left, 'place')} above {'was' if left == 1 else 'were'} not imported")
    return ExitCode.OK if plan.is_complete else ExitCode.FAILED
