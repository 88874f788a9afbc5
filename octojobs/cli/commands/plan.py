"""`octojobs plan`: what a tick would decide now, touching nothing."""

from __future__ import annotations

import click

from octojobs.actions.foresight import plan_view
from octojobs.cli.app import App, json_option, where_options
from octojobs.cli.group import Verb
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
    ],
)
@json_option
@where_options
@click.pass_obj
def command(app: App, as_json: bool) -> None:
    """Show what a tick would decide now: what starts, what waits and for what, which due instants are skipped or missed.

    Nothing is started, written or asked for; guards are evaluated, those that run a command only in an allowed repository.
    """
    view = plan_view(app.workspace())
    if as_json:
        app.screen.json(view)
        return
    show_plan(app, view)


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
