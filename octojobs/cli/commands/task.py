"""`octojobs task`: the tasks of this repository, looked at, worked on, and brought back."""

from __future__ import annotations

import click

from octojobs.actions.tasks import list_tasks, show
from octojobs.cli.app import App, json_option, where_options
from octojobs.cli.commands import task_care, task_work
from octojobs.cli.family import Family
from octojobs.cli.group import Verb
from octojobs.cli.task_text import notes, where
from octojobs.cli.text import visible
from octojobs.core.codec import parse_instant
from octojobs.core.flow import OCTOPOID
from octojobs.views.values import View


@click.group(
    "task",
    cls=Family,
    examples=[
        ("octojobs task list", "what is to be done, and who is at it"),
        ("octojobs task claim --by agent-1", "the next one, for an hour"),
        ("octojobs task done 7e0e --by agent-1", "an id may be shortened"),
    ],
)
def command() -> None:
    """Tasks as files: `.octopoid/tasks/STATE/ID.md`, where the folder is the state. `octojobs enqueue` makes one.

    Moving a file by hand is fine, too. What every task said and what became of it is recorded out of reach of `git clean`.
    """


@command.command(
    "list",
    cls=Verb,
    examples=[
        ("octojobs task list", "what is not finished"),
        ("octojobs task list --state incoming --json", "what may be claimed, for a program"),
        ("octojobs task list --all", "also what is done or has failed"),
    ],
)
@click.option("--state", "states", type=click.Choice(list(OCTOPOID.states)), metavar="STATE", multiple=True, help="Only these states.")
@click.option("--all", "everything", is_flag=True, help="Finished ones, too.")
@click.option("--role", metavar="NAME", default="", help="Only tasks for this role.")
@json_option
@where_options
@click.pass_obj
def list_(app: App, states: tuple[str, ...], everything: bool, role: str, as_json: bool) -> None:
    """List the tasks by state, and in a state as they will be claimed: by priority, then the oldest first.

    In a pipe the columns are: id, state, priority, role, title, remark.
    """
    told = list_tasks(app.workspace(), states, everything=everything, role=role)
    if as_json:
        app.screen.json({"tasks": told.tasks, "notes": told.notes})
        return
    notes(app, told.notes)
    if told.tasks:
        app.screen.table(["ID", "STATE", "PRIORITY", "ROLE", "TITLE", ""], [_row(task) for task in told.tasks])
    else:
        app.screen.note("no tasks" + (" like that" if states or role else "; `octojobs enqueue` makes one"))


@command.command("show", cls=Verb, examples=[("octojobs task show 7e0e8c52", "the file, where it is, and what happened to it")])
@click.argument("task", metavar="ID")
@json_option
@where_options
@click.pass_obj
def show_(app: App, task: str, as_json: bool) -> None:
    """Show one task: what it says, where it is, who has it, and what happened to it so far."""
    view, said = show(app.workspace(), task)
    if as_json:
        app.screen.json(view)
        return
    notes(app, said)
    screen = app.screen
    screen.say(f"{view['id']}  {visible(view['title'])}", "bold")
    screen.say(f"{where(view)}, {view['priority']}, for {visible(view['role'])}" + (f": {_remark(view)}" if _remark(view) else ""))
    for name in ("branch", "created_by", "run", "dedupe", "parent"):
        if view[name]:
            screen.say(f"{name.replace('_', ' ')}: {visible(view[name])}")
    for criterion in view["acceptance"]:
        screen.say(f"- {visible(criterion)}")
    if view["body"]:
        screen.say()
        for line in view["body"].split("\n"):
            screen.say(visible(line))
    screen.say()
    for one in view["history"]:
        by, why = (f" by {visible(one['by'])}" if one["by"] else ""), (f": {visible(one['reason'])}" if one["reason"] else "")
        screen.say(f"{screen.when(parse_instant(one['at']))}  {one['event']}{by}" + (f", now {one['to']}" if one["to"] else "") + why)


def _row(task: View) -> list[str]:
    return [task["id"], task["state"], task["priority"], task["role"], task["title"], _remark(task)]


def _remark(task: View) -> str:
    parts = ["its file is gone"] if task["missing"] else []
    if task["claimed_until"]:
        parts.append(f"{task['claimed_by']} until {task['claimed_until']}")
    elif task["reason"]:
        parts.append(task["reason"])
    if task["waits_for"]:
        parts.append(f"waits for {', '.join(task['waits_for'])}")
    return visible("; ".join(parts))


for _verb in (*task_work.VERBS, *task_care.VERBS):
    command.add_command(_verb)
