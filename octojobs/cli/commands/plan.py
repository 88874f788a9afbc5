"""`octojobs plan`: what a tick would decide now, or what a change does to the due instants; touching nothing."""

from __future__ import annotations

from datetime import datetime

import click

from octojobs.actions.comparing import compare
from octojobs.actions.foresight import plan_view
from octojobs.cli import comparison
from octojobs.cli.app import App, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.params import INSTANT, Number
from octojobs.cli.text import visible
from octojobs.core.codec import parse_instant
from octojobs.views.values import View

WORDS = {
    "start": "starts",
    "wait": "waits",
    "go_on": "goes on",
    "cancel": "is cancelled",
    "skip": "skipped",
    "miss": "missed",
    "end": "ends",
}


@click.command(
    "plan",
    cls=Verb,
    examples=[
        ("octojobs plan", "what a tick would start, skip or hold back now, and why"),
        ("octojobs plan --source worktree", "the same with the jobs file as it is saved"),
        ("octojobs plan origin/main..HEAD", "what this branch does to the due instants of the next 7 days"),
        ("octojobs plan origin/main...HEAD --format markdown", "as a comment for the pull request"),
    ],
)
@click.argument("span", metavar="BASE..HEAD", required=False)
@click.option("--days", type=Number(1, 366), metavar="N", help="With BASE..HEAD: how many days; 7 by default.")
@click.option("--from", "start", type=INSTANT, metavar="INSTANT", help="With BASE..HEAD: from then on; else from now.")
@click.option("--format", "form", type=click.Choice(["table", "markdown", "json"]), help="With BASE..HEAD: how it is printed.")
@json_option
@where_options
@click.pass_obj
def command(app: App, span: str | None, days: int | None, start: datetime | None, form: str | None, as_json: bool) -> None:
    """Show what a tick would decide now: what starts, what waits and for what, which due instants are skipped or missed.

    Nothing is started, written or asked for; guards are evaluated, those that run a command only in an allowed repository.

    With BASE..HEAD: what the change between two commits adds, removes and moves, and which jobs execute something else. Only
    the two commits are read. BASE...HEAD starts where both have grown from. In a pipe the columns are: + - or ~, job, what,
    before, after. Exit code 2 for definitions that can't be used.
    """
    if span is not None:
        _compare(app, compare(app.workspace(), span, days or 7, start), "json" if as_json else form or "table")
        return
    given = [name for name, value in (("--days", days), ("--from", start), ("--format", form)) if value is not None]
    if given:
        raise click.UsageError(f"{given[0]} goes with BASE..HEAD; name two commits, such as origin/main..HEAD")
    view = plan_view(app.workspace())
    if as_json:
        app.screen.json(view)
        return
    show_plan(app, view)


def _compare(app: App, view: View, form: str) -> None:
    if form == "json":
        app.screen.json(view)
    elif form == "markdown":
        app.screen.say(comparison.markdown(view))
    else:
        comparison.show(app.screen, view)


def show_plan(app: App, view: View) -> None:
    """The plan as a table, and what comes after it."""
    screen = app.screen
    rows = [
        [decision["job"], screen.when(parse_instant(decision["scheduled_at"])), WORDS[decision["action"]], _why(decision)]
        for decision in view["decisions"]
    ]
    if rows:
        screen.table(["JOB", "DUE", "", "WHY"], rows)
    else:
        screen.note("nothing is due")
    if view["next"]:
        screen.note(f"next: {view['next']['job']} {screen.when(parse_instant(view['next']['at']))}", "dim")
    if view["note"]:
        screen.note(visible(view["note"]), "dim")


def _why(decision: View) -> str:
    reason: str = decision["reason"]
    if decision["count"] > 1:
        return f"{decision['count']} due instants: {reason}"
    if reason:
        return reason
    held = [condition for condition in decision["conditions"] if condition["status"] == "passed"]
    return "; ".join(f"{condition['guard']}: {condition['evidence']}" for condition in held)
