"""`octojobs next`: the coming due instants."""

from __future__ import annotations

from datetime import datetime

import click

from octojobs.actions.coming import coming, coming_of_all
from octojobs.cli.app import App, complete_job, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.params import INSTANT, Number
from octojobs.cli.text import visible
from octojobs.core.codec import parse_instant
from octojobs.views.jobs import adapted_text
from octojobs.views.values import View


@click.command(
    "next",
    cls=Verb,
    examples=[
        ("octojobs next", "the next due instant of each job, the earliest first"),
        ("octojobs next nightly --count 3", "three of one job"),
        ("octojobs next nightly --from 2026-03-28T00:00Z", "what a change of clocks does to it"),
    ],
)
@click.argument("job", required=False, shell_complete=complete_job)
@click.option("--from", "start", type=INSTANT, metavar="INSTANT", help="Count from here; else from now.")
@click.option("--count", type=Number(1, 10_000), metavar="N", help="How many of each job; 5 for one job, 1 for all.")
@json_option
@where_options
@click.pass_obj
def command(app: App, job: str | None, start: datetime | None, count: int | None, as_json: bool) -> None:
    """Show when JOB falls due next, or each job when none is named.

    Needs no daemon, no state and no trust. An interval that was never seen counts from --from, or from now.
    In a pipe the columns are: instant, job, and a remark: the rate limit that it waits for, or an interval that is another for now; for
    the jobs without an instant (-), which come last, why.
    """
    screen, workspace = app.screen, app.workspace()
    if job is not None:
        view = coming(workspace, job, start, count or 5)
        views = [view]
    else:
        views = coming_of_all(workspace, start, count or 1)
        view = {"jobs": views}
    if workspace.kept_note:
        screen.note(visible(workspace.kept_note), "dim")
    if as_json:
        screen.json(view)
        return
    rows = _rows(app, views)
    if rows:
        screen.table(["DUE", "JOB", ""], rows)
    else:
        screen.note("no jobs are declared; `octojobs create` adds one")


def _rows(app: App, views: list[View]) -> list[list[str]]:
    due = sorted(
        (one["at"], view["job"], _limit(view, one["at"]) or adapted_text(view["adapted"])) for view in views for one in view["instants"]
    )
    rows = [[app.screen.when(parse_instant(at)), job, waits] for at, job, waits in due]
    return rows + [["-", view["job"], view["note"]] for view in views if not view["instants"]]


def _limit(view: View, at: str) -> str:
    limit = view["limit"]
    return f"waits for the end of {limit['provider']}'s rate limit, {limit['until']}" if limit and at < limit["until"] else ""
