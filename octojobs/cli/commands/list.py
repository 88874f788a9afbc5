"""`octojobs list`: the jobs that are declared."""

from __future__ import annotations

import click

from octojobs.actions.catalog import list_jobs
from octojobs.cli.app import App, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.text import visible
from octojobs.core.codec import parse_instant
from octojobs.errors import ExitCode
from octojobs.views.jobs import adapted_text
from octojobs.views.values import View


@click.command(
    "list",
    cls=Verb,
    examples=[
        ("octojobs list", "what is live: the jobs of the commit that HEAD names"),
        ("octojobs list --source worktree", "what would be live after a commit"),
        ("octojobs list --tag nightly --json", "the jobs with a tag, for a program"),
    ],
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only jobs with this tag; may be repeated: any of them.")
@json_option
@where_options
@click.pass_obj
def command(app: App, tags: tuple[str, ...], as_json: bool) -> int:
    """List the jobs that are declared: when each is due next, and how it went last.

    In a pipe the columns are: job, when, next, last outcome, remark. Where the state is damaged (exit 5), what is declared
    is listed all the same.
    """
    screen = app.screen
    view = list_jobs(app.workspace())
    jobs = [job for job in view["jobs"] if not tags or set(tags) & set(job["tags"])]
    if as_json:
        screen.json({**view, "jobs": jobs})
    else:
        _show(app, view, jobs, tagged=bool(tags))
    if view["damage"]:
        screen.note(f"octojobs: {view['damage']}")
        return ExitCode.DAMAGED
    return ExitCode.OK


def _show(app: App, view: View, jobs: list[View], *, tagged: bool) -> None:
    screen = app.screen
    rows = [[job["job"], _when(job), _next(app, job), job["last_outcome"] or "never", remark(job)] for job in jobs]
    if rows:
        screen.table(["JOB", "WHEN", "NEXT", "LAST", ""], rows)
    else:
        screen.note("no job has that tag" if tagged else "no jobs are declared; `octojobs create` adds one")
    if view["note"]:
        screen.note(visible(view["note"]), "dim")
    for warning in view["warnings"]:
        screen.note(visible(f"warning: {warning['what']}; {warning['fix']}"), "yellow")


def _when(job: View) -> str:
    zone = f" ({job['timezone']})" if job["timezone"] != "UTC" and not job["when"].startswith(("every", "when")) else ""
    return f"{job['when']}{zone}"


def _next(app: App, job: View) -> str:
    return app.screen.when(parse_instant(job["next"])) if job["next"] else "-"


def remark(job: View) -> str:
    """Why the job does not do what its line promises, the gravest reason first; empty when it does."""
    if not job["enabled"]:
        return "disabled"
    if job["paused"]:
        until = f" until {job['paused']['until']}" if job["paused"]["until"] else ""
        return f"paused{until}" + (f": {job['paused']['reason']}" if job["paused"]["reason"] else "")
    if job["failures"]:
        return f"failed {job['failures']} times in a row" if job["failures"] > 1 else "failed last time"
    return ", ".join(run["phase"] for run in job["open_runs"]) or adapted_text(job["adapted"])
