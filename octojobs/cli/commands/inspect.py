"""`octojobs inspect JOB`: one job, every field, where it stands."""

from __future__ import annotations

import json
from typing import Any

import click

from octojobs.actions.catalog import inspect_job
from octojobs.cli.app import App, complete_job, json_option, where_options
from octojobs.cli.commands.list import remark
from octojobs.cli.group import Verb
from octojobs.cli.text import visible
from octojobs.core.codec import parse_instant
from octojobs.views.prose import result_text, worth_lines
from octojobs.views.values import View


@click.command(
    "inspect",
    cls=Verb,
    examples=[
        ("octojobs inspect nightly", "every field with its effective value, and the source line"),
        ("octojobs inspect nightly --json | jq .fields", "the same, for a program"),
    ],
)
@click.argument("job", shell_complete=complete_job)
@json_option
@where_options
@click.pass_obj
def command(app: App, job: str, as_json: bool) -> None:
    """Show all of JOB: its declared fields with every default written out, where it is declared, and how it stands."""
    screen = app.screen
    view = inspect_job(app.workspace(), job)
    if as_json:
        screen.json(view)
        return
    title = f"  {visible(view['title'])}" if view["title"] else ""
    screen.say(screen.paint(view["job"], "bold") + title)
    if view["description"]:
        screen.say(visible(view["description"]))
    _pairs(app, _standing(app, view))
    screen.say()
    _pairs(app, [(name, _text(value)) for name, value in view["fields"].items() if value not in (None, "", [], {})])
    if view["note"]:
        screen.note(visible(view["note"]), "dim")


def _standing(app: App, view: View) -> list[tuple[str, str]]:
    source, when = view["source"], app.screen.when
    place = f"{source['path']}:{source['line']}"
    pairs = [("declared", f"{place} in {view['commit'] if view['commit'] == 'worktree' else view['commit'][:12]}")]
    if remark(view):
        pairs.append(("standing", remark(view)))
    if view["next"]:
        pairs.append(("next", when(parse_instant(view["next"]))))
    if view["last_run"]:
        pairs.append(("last run", f"{view['last_run']} {view['last_outcome']} {when(parse_instant(view['last_end']))}"))
    pairs += [("last verdict", line) for line in worth_lines(view["last_result"])]
    if said := result_text(view["last_result"], view["last_result_note"]):
        pairs.append(("last result", said))
    if view["last_success_at"] and view["last_outcome"] != "succeeded":
        pairs.append(("last success", when(parse_instant(view["last_success_at"]))))
    pairs += [("open run", f"{run['id']} {run['phase']}") for run in view["open_runs"]]
    return pairs


def _pairs(app: App, pairs: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in pairs), default=0)
    for name, text in pairs:
        app.screen.say(f"{app.screen.paint(name.ljust(width), 'dim')}  {visible(text)}")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items() if item not in (None, "", [], {}))
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value)
