"""`octojobs runs`: what ran, and the due instants that ended without a run."""

from __future__ import annotations

from datetime import datetime

import click

from octojobs.actions.history import list_runs
from octojobs.cli.app import App, complete_job, json_option, state_options
from octojobs.cli.group import Verb
from octojobs.cli.params import AGE, Number
from octojobs.cli.times import span
from octojobs.core.codec import parse_instant
from octojobs.core.run import Outcome, Phase
from octojobs.views.values import View

STATUSES = [*(outcome.value for outcome in Outcome), *(phase.value for phase in Phase if phase is not Phase.FINISHED)]


@click.command(
    "runs",
    cls=Verb,
    examples=[
        ("octojobs runs", "the last 20, the newest first"),
        ("octojobs runs nightly --status failed --since 7d", "what failed of one job this week"),
        ("octojobs runs --limit 1000 --json", "for a program"),
    ],
)
@click.argument("job", required=False, shell_complete=complete_job)
@click.option("--limit", type=Number(1, 100_000), metavar="N", default=20, show_default=True, help="How many at most.")
@click.option("--status", type=click.Choice(STATUSES), metavar="STATUS", help="Only this outcome or phase, such as failed or running.")
@click.option("--since", type=AGE, metavar="INSTANT|AGE", help="Only since then: 2026-11-20T10:00Z, or 2h for the last two hours.")
@json_option
@state_options
@click.pass_obj
def command(app: App, job: str | None, limit: int, status: str | None, since: datetime | None, as_json: bool) -> None:
    """List the runs of JOB, or of all: open ones first, then the newest.

    Due instants that ended without a run (skipped, missed) stand among them, several in a row on one line.
    In a pipe the columns are: run, outcome or phase, start, duration, attempt, reason.
    """
    screen = app.screen
    view = list_runs(app.workspace(), job, status, since, limit)
    if as_json:
        screen.json(view)
    elif view["runs"]:
        screen.table(["RUN", "OUTCOME", "STARTED", "TOOK", "ATTEMPT", ""], [_row(app, run) for run in view["runs"]])
    else:
        screen.note("no runs" + (" like that" if job or status or since else " yet; `octojobs next` shows what is coming"))


def _row(app: App, run: View) -> list[str]:
    started = run["started_at"] or (run["at"] if run["outcome"] in ("skipped", "missed") else None)
    took = "" if run["duration_s"] is None else span(run["duration_s"])
    return [
        run["id"],
        run["outcome"] or run["phase"],
        app.screen.when(parse_instant(started)) if started else "-",
        took,
        str(run["attempt"] or ""),
        remark(run),
    ]


def remark(run: View) -> str:
    """What its line adds: why it ended so, how many instants it stands for, who asked."""
    parts = [run["reason"]] if run["reason"] else []
    if run["count"] > 1:
        parts.append(f"{run['count']} due instants since {run['first_scheduled_at']}")
    if run["exit_code"] and not run["reason"]:
        parts.append(f"exit code {run['exit_code']}")
    if run["requested_by"]:
        parts.append(f"asked by {run['requested_by']}{', forced' if run['forced'] else ''}")
    return "; ".join(parts)
