"""`octojobs task claim|renew|done|fail`: what whoever works on tasks needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from octojobs.actions.tasks import Claiming, Ending, claim, end, renew
from octojobs.cli.app import App, dry_run_option, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.params import DURATION, Number
from octojobs.cli.task_text import notes, where
from octojobs.cli.text import visible
from octojobs.core.codec import parse_instant
from octojobs.errors import ExitCode

F = TypeVar("F", bound=Callable[..., Any])

by_option = click.option("--by", metavar="NAME", default="", help="Who you are; else the job that this runs in, else the user.")
_for_option = click.option("--for", "lasts", type=DURATION, metavar="DURATION", help="How long; else as `tasks.lease` says, 1h.")


def ending_options(function: F) -> F:
    """Whose word it is, and which attempt it is about."""
    function = click.option("--force", is_flag=True, help="Even if somebody else has it.")(function)
    attempt = click.option(
        "--attempt", type=Number(1), metavar="N", help="Only if this is the attempt that is going on: a late answer does no harm."
    )
    return by_option(attempt(function))


@click.command(
    "claim",
    cls=Verb,
    examples=[
        ("octojobs task claim --by agent-1", "the next task"),
        ("octojobs task claim --by agent-1 --role review --for 2h --json", "the next one of a role, for a program"),
        ("octojobs task claim 7e0e8c52 --pid $$", "this one, as long as this shell lives"),
    ],
)
@click.argument("task", metavar="[ID]", required=False)
@by_option
@_for_option
@click.option("--role", metavar="NAME", default="", help="Only a task for this role.")
@click.option("--pid", type=Number(1), metavar="N", help="The process that works on it: while it lives, the task is not given to others.")
@json_option
@dry_run_option
@where_options
@click.pass_obj
def claim_(app: App, task: str | None, by: str, lasts: timedelta | None, role: str, pid: int | None, as_json: bool, dry_run: bool) -> int:
    """Claim the next ready task, or ID, and say where its file is now. Exit 1 when there is none.

    The claim is a lease: renew it before it ends. When it has ended, a result is looked for (the result file that --json names,
    the end of the run that claimed it); without one the task goes back, and after `tasks.max_attempts` to quarantined.
    """
    lease_s = int(lasts.total_seconds()) if lasts else None
    told = claim(app.workspace(), Claiming(by, role, task or "", lease_s, pid, dry_run))
    notes(app, told.notes)
    if as_json:
        app.screen.json({"task": told.tasks[0] if told.tasks else None})
    elif told.tasks:
        view = told.tasks[0]
        until = f", until {app.screen.when(parse_instant(view['claimed_until']))}" if view["claimed_until"] else ""
        app.screen.say(f"{view['id']} {'would be' if dry_run else 'is'} claimed{until}: {visible(view['title'])}")
        if not dry_run:
            app.screen.say(visible(view["path"]))
    else:
        app.screen.note("no task is ready" + (f" for {visible(role)}" if role else ""))
    return ExitCode.OK if told.tasks else ExitCode.FAILED


@click.command("renew", cls=Verb, examples=[("octojobs task renew 7e0e8c52 --by agent-1", "another hour from now")])
@click.argument("task", metavar="ID")
@by_option
@_for_option
@json_option
@dry_run_option
@where_options
@click.pass_obj
def renew_(app: App, task: str, by: str, lasts: timedelta | None, as_json: bool, dry_run: bool) -> None:
    """Renew the lease on a task that you have claimed, from now on."""
    view = renew(app.workspace(), task, by, int(lasts.total_seconds()) if lasts else None, dry_run=dry_run)
    if as_json:
        app.screen.json({"task": view})
    else:
        app.screen.say(
            f"{view['id']} {'would be' if dry_run else 'is'} yours until {app.screen.when(parse_instant(view['claimed_until']))}"
        )


@click.command(
    "done",
    cls=Verb,
    examples=[("octojobs task done 7e0e8c52 --by agent-1", "by whoever claimed it"), ("octojobs task done 7e0e8c52 --force", "by anyone")],
)
@click.argument("task", metavar="ID")
@ending_options
@click.option("--reason", metavar="TEXT", default="", help="Recorded with it.")
@json_option
@dry_run_option
@where_options
@click.pass_obj
def done_(app: App, /, task: str, as_json: bool, **told: Any) -> None:
    """Say that a task is done."""
    ended(app, task, Ending("done", **told), as_json=as_json)


@click.command(
    "fail", cls=Verb, examples=[('octojobs task fail 7e0e8c52 --by agent-1 --reason "the tests need a database"', "it stays failed")]
)
@click.argument("task", metavar="ID")
@ending_options
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stands in the file.")
@json_option
@dry_run_option
@where_options
@click.pass_obj
def fail_(app: App, /, task: str, as_json: bool, **told: Any) -> None:
    """Say that a task has failed. `octojobs task requeue` lets somebody try again."""
    ended(app, task, Ending("fail", **told), as_json=as_json)


def ended(app: App, task: str, ending: Ending, *, as_json: bool) -> None:
    """Carry it out, and say where the task is then."""
    view = end(app.workspace(), task, ending)
    if as_json:
        app.screen.json({"task": view})
    else:
        app.screen.say(f"{view['id']} would be {view['state']}" if ending.dry_run else f"{view['id']} is {where(view)}")


VERBS = (claim_, renew_, done_, fail_)
"""The verbs of this room."""
