"""`octojobs status`: everything in one screen."""

from __future__ import annotations

from collections.abc import Iterator

import click

from octojobs.actions.standing import status
from octojobs.cli.app import App, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.text import plural, visible
from octojobs.core.codec import parse_instant
from octojobs.errors import ExitCode
from octojobs.views.jobs import adapted_text
from octojobs.views.values import View

MOST_RUNS = 10
MOST_FAILURES = 5


@click.command(
    "status",
    cls=Verb,
    examples=[
        ("octojobs status", "the daemon, what runs, waits, comes, failed; exit 1 when something is wrong"),
        ("octojobs status --json | jq .problems", "what is wrong, for a program"),
    ],
)
@json_option
@where_options
@click.pass_obj
def command(app: App, as_json: bool) -> int:
    """Show who serves this repository, what runs, waits and comes, what failed last, and what is wrong. Exit 1 if anything is."""
    view = status(app.workspace())
    if as_json:
        app.screen.json(view)
    else:
        for name, text in _lines(app, view):
            app.screen.say(f"{app.screen.paint(name, 'bold')}{' ' * (12 - len(name))}{visible(text)}".rstrip())
            for line in _details(app, name, view):
                app.screen.say(f"  {visible(line)}")
    return ExitCode.OK if view["healthy"] else ExitCode.FAILED


def _lines(app: App, view: View) -> Iterator[tuple[str, str]]:
    yield "repository", view["repository"]
    yield "daemon", _daemon(app, view["daemon"])
    yield "source", _source(view)
    yield "state", view["state"]
    yield "jobs", _jobs(view["jobs"])
    if view["tasks"]:
        yield "tasks", _tasks(view["tasks"])
    if view["paused"]:
        yield "paused", _paused("everything", view["paused"])
    elif view["jobs"]["paused"]:
        yield "paused", plural(len(view["jobs"]["paused"]), "job")
    yield "pools", ", ".join(f"{pool['name']} {pool['running']}/{pool['size']}" for pool in view["pools"])
    for name in ("running", "queued", "next", "failures"):
        if view[name]:
            yield name, plural(len(view[name]), "run") if name in ("running", "queued") else ""
    if view["limits"]:
        yield "rate limits", ""
    if view["outbox"]["pending"] or view["outbox"]["dead"]:
        yield "outbox", f"{view['outbox']['pending']} waiting, {view['outbox']['dead']} could not be delivered"
    if view["warnings"]:
        yield "warnings", plural(len(view["warnings"]), "warning")
    yield "problems", plural(len(view["problems"]), "problem") if view["problems"] else "none"


def _details(app: App, name: str, view: View) -> Iterator[str]:
    match name:
        case "paused" if not view["paused"]:
            yield from (_paused(pause["job"], pause) for pause in view["jobs"]["paused"])
        case "running" | "queued":
            for run in view[name][:MOST_RUNS]:
                began = f"started {app.screen.when(parse_instant(run['started_at']))}" if run["started_at"] else ""
                yield "  ".join(part for part in (run["id"], run["phase"], began, _waits_for(run)) if part)
            if len(view[name]) > MOST_RUNS:
                yield f"… and {len(view[name]) - MOST_RUNS} more"
        case "next":
            for one in view["next"]:
                yield f"{one['job']}  {app.screen.when(parse_instant(one['at']))}"
        case "rate limits":
            for limit in view["limits"]:
                yield f"{limit['provider']} until {app.screen.when(parse_instant(limit['until']))}, met by {limit['run']}"
        case "failures":
            for run in view["failures"][:MOST_FAILURES]:
                disabled = "; the job is disabled" if run["disabled"] else ""
                yield f"{run['id']}  {run['outcome']}: {run['reason'] or 'no reason given'}{disabled}"
                yield from (f"  | {line}" for line in run["tail"])
            if len(view["failures"]) > MOST_FAILURES:
                yield f"… and {len(view['failures']) - MOST_FAILURES} more; `octojobs runs --status failed` lists them"
        case "outbox":
            yield from (f"{one['id']}: {one['why']}" for one in view["outbox"]["letters"])
        case "problems" | "warnings":
            for problem in view[name]:
                yield problem["what"] + (f"; {problem['fix']}" if problem["fix"] else "")


def _paused(what: str, pause: View) -> str:
    until = f" until {pause['until']}" if pause["until"] else ""
    return f"{what}{until}" + (f": {pause['reason']}" if pause["reason"] else "")


def _waits_for(run: View) -> str:
    if run["reason"]:
        return str(run["reason"])
    unmet = [f"{one['guard']}: {one['evidence']}" for one in run["conditions"] if one["status"] != "passed"]
    again = f"attempt {run['attempt']} at {run['not_before']}" if run["phase"] == "retrying" else ""
    return "; ".join(unmet) if run["phase"] == "waiting" else again


def _daemon(app: App, daemon: View | None) -> str:
    if daemon is None:
        return "none runs; `octojobs up` starts one"
    since = f"since {app.screen.when(parse_instant(daemon['since']))}" if daemon["since"] else ""
    if not daemon["role"]:
        return "some process of octojobs holds this repository, and could not say who it is; is the disk full?"
    who = "up" if daemon["role"] == "up" else f"held by `octojobs {daemon['role']}`"
    return f"{'stopped' if daemon['stopped'] else who}, pid {daemon['pid']}, {since}"


def _source(view: View) -> str:
    source = view["source"]
    found = source["definitions"]
    text = source["name"] if found in (None, "worktree") else f"{source['name']}, commit {found[:12]}"
    level = f"; allowed, level {view['trust']['level']}" if view["trust"]["allowed"] else "; not allowed"
    return text + level + (f"; {source['note']}" if source["note"] else "")


def _tasks(tasks: View) -> str:
    parts = [f"{one['count']} {one['state']}" for one in tasks["states"]] or ["none"]
    if tasks["expired"]:
        parts.append(f"{plural(tasks['expired'], 'lease')} ended")
    if tasks["missing"]:
        parts.append(f"{plural(tasks['missing'], 'file')} gone")
    return ", ".join(parts)


def _jobs(jobs: View) -> str:
    parts = [f"{jobs['declared']} declared"]
    parts += [f"{len(jobs[name])} {word}" for name, word in (("disabled", "disabled"), ("paused", "paused")) if jobs[name]]
    parts += [f"{one['job']} {adapted_text(one)}" for one in jobs["adapted"]]
    return ", ".join(parts)
