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
    from octojobs.actions.importing.base import Import

F = TypeVar("F", bound=Callable[..., object])


def _options(function: F) -> F:
    """What all kinds of import take."""
    return state_options(dry_run_option(commit_option(function)))


def _zone_option(otherwise: str) -> Callable[[F], F]:
    return click.option("--timezone", metavar="ZONE", type=ZONE, help=f"The zone that the schedules are meant in; else {otherwise}.")


_name_option = click.option("--name", metavar="NAME", help="The new file, .octopoid/jobs/NAME.yaml; else the name of FILE.")


@click.group(
    "import",
    cls=Family,
    examples=[
        ("crontab -l | octojobs import crontab -", "your own crontab, as .octopoid/jobs/crontab.yaml"),
        ("octojobs import tasks-loop ~/agent --dry-run", "what the jobs of a tasks-loop folder would become"),
        ("cat jobs.toml | octojobs import kjob -", "jobs of kjob, as .octopoid/jobs/kjob.yaml"),
        ("octojobs import octopoid .octopoid/jobs.yaml", "jobs of octopoid's scheduler, which keeps its own file"),
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
@_name_option
@_zone_option("this machine's")
@_options
@click.pass_obj
def crontab(app: App, file: BinaryIO, system: bool, name: str | None, timezone: str | None, commit: bool, dry_run: bool) -> int:
    """Import the entries of a crontab; FILE may be - for standard input.

    CRON_TZ becomes the time zone, SHELL the shell, other variables the environment, comments descriptions. Text behind
    a % becomes what the command reads.
    """
    # lazily: `--help` needs no reader of definitions
    from octojobs.actions.importing.crontab import from_crontab

    shown = _shown(file, "crontab")
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
@_zone_option("this machine's")
@_options
@click.pass_obj
def tasks_loop(app: App, folder: Path, timezone: str | None, commit: bool, dry_run: bool) -> int:
    """Import the jobs of a tasks-loop FOLDER, a file each: its jobs/*.yaml, with what its config/scheduler.yaml says."""
    # lazily, as above
    from octojobs.actions.importing.tasks_loop import from_tasks_loop

    return _finish(app, from_tasks_loop(app.workspace(), folder, timezone=timezone), str(folder), commit, dry_run)


@command.command(
    "kjob",
    cls=Verb,
    examples=[
        ("octojobs import kjob audit.toml", "the [job] of a file"),
        ("octojobs import kjob setup.sh --name agents --dry-run", "what the `kjob create` commands of a script would become"),
    ],
)
@click.argument("file", type=click.File("rb"))
@_name_option
@_zone_option("UTC")
@_options
@click.pass_obj
def kjob(app: App, file: BinaryIO, name: str | None, timezone: str | None, commit: bool, dry_run: bool) -> int:
    """Import jobs of kjob: a TOML FILE with [job] tables, or a script of `kjob create` commands; - for standard input.

    A slug becomes the name; prompt, agent, schedule, sandbox, output, retries, timeout and enabled are the same here.
    """
    # lazily, as above
    from octojobs.actions.importing.kjob import from_kjob

    shown = _shown(file, "kjob")
    plan = from_kjob(app.workspace(), file.read(), shown=shown, name=_name(name, shown), timezone=timezone)
    return _finish(app, plan, shown, commit, dry_run)


@command.command(
    "octopoid",
    cls=Verb,
    examples=[
        ("octojobs import octopoid .octopoid/jobs.yaml", "beside octopoid in one repository: its file stays its own"),
        ("octojobs import octopoid jobs.yaml --module orchestrator.housekeeping", "functions that are registered elsewhere"),
    ],
)
@click.argument("file", type=click.File("rb"))
@click.option("--name", metavar="NAME", default="octopoid", show_default=True, help="The new file, .octopoid/jobs/NAME.yaml.")
@click.option("--module", metavar="MODULE", help="Where the functions are that jobs name by their own name; else orchestrator.jobs.")
@_options
@click.pass_obj
def octopoid(app: App, file: BinaryIO, name: str, module: str | None, commit: bool, dry_run: bool) -> int:
    """Import the jobs of octopoid's scheduler, a list or a mapping in its jobs.yaml; - for standard input.

    Where FILE is the jobs file that octojobs reads here, `jobs_file:` in .octopoid/octojobs.yaml points to the new one from
    then on: each scheduler has its own, and octopoid's is left as it is.
    """
    # lazily, as above
    from octojobs.actions.importing.octopoid import from_octopoid

    shown = _shown(file, "octopoid")
    path = Path(shown) if shown == file.name else None
    plan = from_octopoid(app.workspace(), file.read(), path, shown=shown, name=_name(name, shown), module=module)
    return _finish(app, plan, shown, commit, dry_run)


def _shown(file: BinaryIO, otherwise: str) -> str:
    return otherwise if file.name in ("-", "<stdin>") else file.name


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
    from octojobs.actions.importing.base import write

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
