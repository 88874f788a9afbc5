"""`octojobs task requeue|restore`: what is put back where it was."""

from __future__ import annotations

from typing import Any

import click

from octojobs.actions.tasks import Ending, restore, settle_leases
from octojobs.cli.app import App, dry_run_option, json_option, where_options
from octojobs.cli.commands.task_work import ended, ending_options
from octojobs.cli.group import Verb
from octojobs.cli.task_text import notes, where
from octojobs.cli.text import visible


@click.command(
    "requeue",
    cls=Verb,
    examples=[
        ("octojobs task requeue 7e0e8c52", "let a parked one in, try a failed one again"),
        ("octojobs task requeue 7e0e8c52 --by agent-1", "give back what you claimed"),
        ("octojobs task requeue --expired", "settle the leases that have ended, as every claim does"),
    ],
)
@click.argument("task", metavar="[ID]", required=False)
@click.option("--expired", is_flag=True, help="The tasks whose leases have ended, each as its result says.")
@ending_options
@click.option("--reason", metavar="TEXT", default="", help="Recorded with it.")
@json_option
@dry_run_option
@where_options
@click.pass_obj
def requeue_(app: App, /, task: str | None, expired: bool, as_json: bool, **told: Any) -> None:
    """Put a task (back) into the queue: one that is proposed, claimed, provisional, failed or quarantined.

    What had failed gets all its attempts again.
    """
    if (task is None) is not expired:
        raise click.UsageError("name a task, or say --expired" if task is None else f"{visible(task)} or --expired, not both")
    if task is not None:
        ended(app, task, Ending("requeue", **told), as_json=as_json)
        return
    settled = settle_leases(app.workspace(), dry_run=told["dry_run"])
    notes(app, settled.notes)
    if as_json:
        app.screen.json({"tasks": settled.tasks})
    for view in () if as_json else settled.tasks:
        app.screen.say(f"{view['id']} {'would be' if told['dry_run'] else 'is'} {view['state']}: {visible(view['reason'])}")
    if not settled.tasks and not as_json:
        app.screen.note("no lease has ended")


@click.command(
    "restore",
    cls=Verb,
    examples=[
        ("octojobs task restore --dry-run", "the tasks whose files are gone"),
        ("octojobs task restore", "write them again"),
        ("octojobs task restore 7e0e8c52 --forget", "its file was removed on purpose"),
    ],
)
@click.argument("tasks", metavar="[ID]...", nargs=-1)
@click.option("--forget", is_flag=True, help="Strike them from the record instead.")
@json_option
@dry_run_option
@where_options
@click.pass_obj
def restore_(app: App, tasks: tuple[str, ...], forget: bool, as_json: bool, dry_run: bool) -> None:
    """Write the files of tasks again that are gone (`git clean -fdx` takes them), each into the folder where it was."""
    told = restore(app.workspace(), tasks, forget=forget, dry_run=dry_run)
    notes(app, told.notes)
    if as_json:
        app.screen.json({"tasks": told.tasks})
        return
    done = ("would be forgotten" if forget else "would be restored") if dry_run else ("forgotten" if forget else "restored")
    for view in told.tasks:
        app.screen.say(f"{view['id']} {done}" + ("" if forget else f", {where(view)}"))
    if not told.tasks:
        app.screen.note("no file of a task is missing")


VERBS = (requeue_, restore_)
"""The verbs of this room."""
