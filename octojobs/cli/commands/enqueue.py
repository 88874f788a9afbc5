"""`octojobs enqueue TITLE`: a task for whoever takes tasks from this repository's queue."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import click

from octojobs.actions.tasks import enqueue
from octojobs.cli.app import App, dry_run_option, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.params import DURATION
from octojobs.cli.text import visible
from octojobs.core.durations import InvalidDuration, parse_duration
from octojobs.core.task import Draft, InvalidTask, TaskPriority
from octojobs.errors import ExitCode, UsageError

PRIORITIES = [priority.value for priority in TaskPriority]
_TEXTS = ("title", "body", "role", "priority", "branch", "dedupe", "parent", "expires_in")
_LISTS = ("blocked_by", "acceptance")
_MOST = 1 << 20


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
    draft = _draft(_read_object() if given else {**told, "body": _body(told["body"])})
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


def _draft(told: dict[str, Any]) -> Draft:
    if not told.get("title"):
        raise click.UsageError("a task needs a title")
    expires_in = told.get("expires_in")
    try:
        return Draft(
            title=told["title"],
            body=told.get("body") or "",
            role=told.get("role") or "implement",
            priority=TaskPriority.of(told.get("priority") or "P2"),
            branch=told.get("branch") or "",
            dedupe=told.get("dedupe") or "",
            parent=told.get("parent") or "",
            blocked_by=tuple(told.get("blocked_by") or ()),
            acceptance=tuple(told.get("acceptance") or ()),
            expires_in_s=None if not expires_in else _seconds(expires_in),
            proposed=bool(told.get("proposed")),
        )
    except (InvalidTask, InvalidDuration) as problem:
        raise UsageError(str(problem)) from None


def _seconds(told: timedelta | str) -> int:
    return int(told.total_seconds()) if isinstance(told, timedelta) else parse_duration(told)


def _read_object() -> dict[str, Any]:
    """The fields from standard input; UsageError for what is not an object of them."""
    try:
        told = json.loads(_standard_input())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"standard input is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise UsageError("standard input is not a JSON object", 'write {"title": "…"}')
    known = {*_TEXTS, *_LISTS, "proposed"}
    if unknown := sorted(map(str, told.keys() - known)):
        raise UsageError(f"a task has no {', '.join(unknown)}", f"it has {', '.join(sorted(known))}")
    for name, value in told.items():
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        fits = isinstance(value, bool) if name == "proposed" else texts if name in _LISTS else isinstance(value, str)
        if not fits and value is not None:
            kind = "true or false" if name == "proposed" else "a list of texts" if name in _LISTS else "a text"
            raise UsageError(f"{name} is not {kind}")
    return told


def _body(text: str) -> str:
    return _standard_input().decode("utf-8", "replace") if text == "-" else text


def _standard_input() -> bytes:
    return sys.stdin.buffer.read(_MOST)
