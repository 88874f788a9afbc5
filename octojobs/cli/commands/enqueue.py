"""`octojobs enqueue TITLE`: a task for whoever takes tasks from this repository's queue."""

from __future__ import annotations

import sys
from typing import Any

import click

from octojobs.actions.drafting import draft_of, from_json
from octojobs.actions.tasks import enqueue
from octojobs.cli.app import App, dry_run_option, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.params import DURATION
from octojobs.cli.text import visible
from octojobs.core.task import TaskPriority
from octojobs.errors import ExitCode

PRIORITIES = [priority.value for priority in TaskPriority]
_MOST = 1 << 24
"""Bytes of standard input: of a longer body than there may be, the middle is left out."""


@click.command(
    "enqueue",
    cls=Verb,
    examples=[
        ('octojobs enqueue "Mend the login page"', "a task in .octopoid/tasks/incoming"),
        ('octojobs enqueue "main is red" --priority P0 --dedupe main-red', "once, however often it is asked for"),
        ('git diff | octojobs enqueue "Review this" --body -', "the body from standard input"),
    ],
)
@click.argument("title", required=False)
@click.option("--body", metavar="TEXT|-", default="", help="What there is to know; - reads it from standard input.")
@click.option("--role", metavar="NAME", help="Who is to take it. Default implement.")
@click.option("--priority", type=click.Choice(PRIORITIES, case_sensitive=False), metavar="P0|P1|P2|P3", help="P0 first. Default P2.")
@click.option("--branch", metavar="NAME", help="The branch that the work begins at.")
@click.option("--dedupe", metavar="KEY", help="No second task has this key: where there is one in any state, that is the answer.")
@click.option("--blocked-by", "blocked_by", metavar="ID", multiple=True, help="A task that has to be done first; may be given again.")
@click.option("--acceptance", metavar="TEXT", multiple=True, help="When it is done; may be given again.")
@click.option("--expires-in", "expires_in", type=DURATION, metavar="DURATION", help="Nobody is to begin it after that.")
@click.option("--parent", metavar="ID", help="The task whose work this one comes from; else OCTOJOBS_TASK.")
@click.option("--proposed", is_flag=True, help="Park it: `octojobs task requeue` lets it in.")
@click.option("--from", "given", metavar="-", type=click.Choice(["-"]), help="Read all this as one JSON object from standard input.")
@json_option
@dry_run_option
@where_options
@click.pass_obj
def command(app: App, /, given: str | None, as_json: bool, dry_run: bool, **told: Any) -> int:
    """Enqueue a task called TITLE, and say where it is. Exit 0 as well when it is there already.

    Texts are data: whatever is in them, they become no header and no path. Control characters go, a title is one line of 200
    characters at most, a body has 65,536. In a run, the task names the run and its job.
    """
    if not (given or told["title"]):
        raise click.UsageError("a task needs a title")
    draft = from_json(_standard_input()) if given else draft_of({**told, "body": _body(told["body"])})
    view, is_new, notes = enqueue(app.workspace(), draft, dry_run=dry_run)
    for note in notes:
        app.screen.note(f"octojobs: {visible(note)}")
    if as_json:
        app.screen.json({"task": view, "new": is_new})
    elif not is_new:
        app.screen.say(f"already there: {view['id']} is {view['state']}: {visible(view['path'])}")
    elif dry_run:
        app.screen.say(f"would be {view['state']}: {visible(view['title'])}")
    else:
        app.screen.say(f"{view['id']} is {view['state']}: {visible(view['path'])}")
    return ExitCode.OK


def _body(text: str) -> str:
    return _standard_input().decode("utf-8", "replace") if text == "-" else text


def _standard_input() -> bytes:
    return sys.stdin.buffer.read(_MOST)
