"""`octojobs lease`: who holds what in this repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from octojobs.actions.leases import Taking, list_leases, release, take
from octojobs.cli.app import App, dry_run_option, json_option, where_options
from octojobs.cli.family import Family
from octojobs.cli.group import Verb
from octojobs.cli.here import here
from octojobs.cli.params import DURATION, Number
from octojobs.cli.text import visible
from octojobs.core.codec import parse_instant
from octojobs.errors import ExitCode
from octojobs.store.leases import LeaseHeld
from octojobs.views.leases import lease_view
from octojobs.views.values import View


@click.group(
    "lease",
    cls=Family,
    examples=[
        ("octojobs lease list", "who holds what"),
        ("octojobs lease take --branch main --for 1h", "a branch, for an hour; prints the name of the lease"),
        ("octojobs lease release branch-main-3f2c9a1b", "given back"),
    ],
)
def command() -> None:
    """Leases on worktrees, branches, paths, tasks and names that were agreed on: what one holds, no other gets.

    Jobs take them with `hold:`, people and orchestrators here, and guards look at them. A daemon need not run.
    """


@command.command(
    "list", cls=Verb, examples=[("octojobs lease list", "who holds what, and how long"), ("octojobs lease list --json", "for a program")]
)
@json_option
@where_options
@click.pass_obj
def list_(app: App, as_json: bool) -> None:
    """List the leases. One that has ended and was not given back stays until somebody takes the same.

    In a pipe the columns are: lease, whether it holds, holder, what, since, until when.
    """
    leases = list_leases(app.workspace())
    if as_json:
        app.screen.json({"leases": leases})
    elif leases:
        app.screen.table(["LEASE", "", "HOLDER", "WHAT", "SINCE", "UNTIL"], [_row(app, view) for view in leases])
    else:
        app.screen.note("nobody holds a lease")


@command.command(
    "take",
    cls=Verb,
    examples=[
        ("octojobs lease take --worktree ../fix-1 --pid $$", "as long as this shell lives"),
        ("octojobs lease take --path 'src/**' --path docs --for 2h --holder agent-1", "for a time"),
        ("octojobs lease take --name deploy --for 10m --renew", "again, before the time is over"),
    ],
)
@click.option("--task", metavar="ID", default="", help="A task; those of `octojobs task` are taken by claiming them.")
@click.option("--name", metavar="NAME", default="", help="A name that you agree on.")
@click.option("--branch", metavar="NAME", default="", help="A branch.")
@click.option("--worktree", metavar="PATH", default="", help="A worktree.")
@click.option("--path", "paths", metavar="PATTERN", multiple=True, help="Paths in the repository, such as src/**; may be repeated.")
@click.option("--for", "lasts", type=DURATION, metavar="DURATION", help="How long; renew it before.")
@click.option("--pid", type=Number(1), metavar="PID", help="The process that it is bound to: held as long as it lives.")
@click.option("--holder", metavar="NAME", default="", help="Who you are; else the job that this runs in, else the user.")
@click.option("--renew", is_flag=True, help="If this holder has the same already, give it a new end.")
@dry_run_option
@json_option
@where_options
@click.pass_obj
def take_(app: App, /, worktree: str, as_json: bool, dry_run: bool, **asked: Any) -> int:
    """Take a lease, and print its name, with which it is given back. Exit 1 when somebody holds it, and who.

    What several options name is held together, or not at all. Two patterns are in each other's way when what stands before the
    first wildcard of one begins what does of the other, whether there is such a file or not.
    """
    place = str(Path(here()) / worktree) if worktree else ""
    view, held = take(app.workspace(), Taking(worktree=place, dry_run=dry_run, **asked))
    if as_json:
        app.screen.json({"lease": view, "held_by": _view_of(held), "reason": str(held or "")})
    elif held is not None:
        raise held
    elif view is not None and dry_run:
        app.screen.say(f"{_what(view)} is free")
    elif view is not None:
        app.screen.say(view["lease"])
        app.screen.note(f"{_what(view)} is held by {visible(view['holder'])} {_how_long(app, view)}")
    return ExitCode.OK if view is not None else ExitCode.FAILED


@command.command("release", cls=Verb, examples=[("octojobs lease release branch-main-3f2c9a1b", "by the name that `take` printed")])
@click.argument("lease", metavar="LEASE")
@dry_run_option
@json_option
@where_options
@click.pass_obj
def release_(app: App, lease: str, dry_run: bool, as_json: bool) -> None:
    """Give a lease back. Its name is that of one taking alone: a late call can't give back what somebody else has by now."""
    view = release(app.workspace(), lease, dry_run=dry_run)
    if as_json:
        app.screen.json({"lease": view})
    else:
        app.screen.say(f"{view['lease']} {'would be' if dry_run else 'is'} given back" + (f": {_what(view)}" if _what(view) else ""))


def _view_of(held: LeaseHeld | None) -> View | None:
    return lease_view(held.kept) if held is not None else None


def _what(view: View) -> str:
    held = [f"{kind} {view[kind].removeprefix('refs/heads/')}" for kind in ("task", "name", "branch", "worktree") if view[kind]]
    return visible(", ".join(held + ([f"paths {' '.join(view['paths'])}"] if view["paths"] else [])))


def _how_long(app: App, view: View) -> str:
    return f"until {app.screen.when(parse_instant(view['until']))}" if view["until"] else f"as long as pid {view['pid']} lives"


def _row(app: App, view: View) -> list[str]:
    state = {True: "held", False: "ended", None: "unknown"}[view["holds"]]
    since, until = (app.screen.when(parse_instant(view[key])) if view[key] else "" for key in ("since", "until"))
    end = until if view["pid"] is None else f"pid {view['pid']} ends"
    return [view["lease"], state, view["holder"], _what(view) or view["problem"], since, end]
