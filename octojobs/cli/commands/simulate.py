"""`octojobs simulate`: a span played through, and what would have run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from octojobs.actions.simulating import Question, failing, simulated
from octojobs.cli.app import App, complete_job, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.params import DURATION, INSTANT, Number
from octojobs.cli.text import plural, visible
from octojobs.cli.times import span
from octojobs.core.codec import parse_instant
from octojobs.core.run import Outcome
from octojobs.errors import ExitCode
from octojobs.views.values import View

ENDS = tuple(outcome.value for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT))


class Assumed(click.ParamType[tuple[str, Any]]):
    """A value for every job, or for one: `5m`, `nightly=2h`."""

    def __init__(self, name: str, kind: click.ParamType[Any]) -> None:
        self.name = name
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """The job's name ("" for every job) and the value."""
        if isinstance(value, tuple):
            return value
        job, equals, text = value.rpartition("=")
        if equals and not job:
            self.fail(f"{value!r} names no job before the =; write JOB={text}, or {text} alone for every job", param, ctx)
        return job, self.kind.convert(text, param, ctx)


class Span(click.ParamType[tuple[datetime, datetime]]):
    """Two instants with two dots between."""

    name = "from..to"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[datetime, datetime]:
        """The instants, the second one later."""
        if isinstance(value, tuple):
            return value
        first, dots, last = value.partition("..")
        if not dots:
            self.fail(f"{value!r} is no span; write 2026-11-20T22:00Z..2026-11-21T06:00Z", param, ctx)
        begin, end = (INSTANT.convert(text, param, ctx) for text in (first, last))
        if end <= begin:
            self.fail(f"{value!r} ends before it begins", param, ctx)
        return begin, end


@click.command(
    "simulate",
    cls=Verb,
    examples=[
        ("octojobs simulate", "the next 24 hours"),
        ("octojobs simulate --to 2026-12-01T00:00Z --duration backup=2h", "with a backup that takes two hours"),
        ("octojobs simulate --away 2026-11-20T22:00Z..2026-11-21T06:00Z", "with a machine that sleeps at night"),
        ("octojobs simulate --fail-on skipped --max-wait 10m", "in CI: exit 1 when a run would be skipped, or wait long"),
    ],
)
@click.argument("jobs", metavar="JOB", nargs=-1, shell_complete=complete_job)
@click.option("--from", "start", type=INSTANT, metavar="INSTANT", help="Where the span begins; else now.")
@click.option("--to", "until", type=INSTANT, metavar="INSTANT", help="Where it ends; else a day later.")
@click.option(
    "--duration", "durations", type=Assumed("[job=]duration", DURATION), multiple=True, metavar="[JOB=]DURATION",
    help="How long attempts take; else the median of the history, else 1m.",
)  # fmt: skip
@click.option(
    "--outcome", "outcomes", type=Assumed("[job=]outcome", click.Choice(ENDS)), multiple=True, metavar="[JOB=]OUTCOME",
    help="How attempts end: succeeded, failed or timed_out; else succeeded.",
)  # fmt: skip
@click.option("--away", type=Span(), multiple=True, metavar="FROM..TO", help="A time in which no daemon runs; may be given again.")
@click.option("--as-recorded", is_flag=True, help="Durations and outcomes as the history has them for the very instants.")
@click.option("--limit", type=Number(0, 100_000), default=200, metavar="N", help="How many lines; 200 by default. The rest is counted.")
@click.option(
    "--fail-on", type=click.Choice([outcome.value for outcome in Outcome]), multiple=True, metavar="OUTCOME",
    help="Exit 1 when a due instant would end so; may be given again.",
)  # fmt: skip
@click.option("--max-wait", type=DURATION, metavar="DURATION", help="Exit 1 when a run would wait longer for its start.")
@json_option
@where_options
@click.pass_obj
def command(
    app: App,
    jobs: tuple[str, ...],
    start: datetime | None,
    until: datetime | None,
    durations: tuple[tuple[str, timedelta], ...],
    outcomes: tuple[tuple[str, str], ...],
    away: tuple[tuple[datetime, datetime], ...],
    as_recorded: bool,
    limit: int,
    fail_on: tuple[str, ...],
    max_wait: timedelta | None,
    as_json: bool,
) -> int:
    """Play a span through, and show what would run: when, what would wait, and what would be skipped or missed.

    Due instants, catch-up, overlap, pools, priorities, retries and follow-ups are decided as the daemon decides them. How long
    attempts take is assumed. Guards that look at the time alone are judged, the others are assumed to hold. JOBs choose what is
    shown; all are played, for they share pools. Nothing is started or written.
    In a pipe the columns are: due instant, job, outcome (- for open), start, end, why.
    """
    question = Question(
        start,
        until,
        jobs,
        {job: value.total_seconds() for job, value in durations},
        {job: Outcome(value) for job, value in outcomes},
        away,
        as_recorded,
        limit,
    )
    view = simulated(app.workspace(), question)
    if as_json:
        app.screen.json(view)
    else:
        _show(app, view)
    wrong = failing(view, fail_on, max_wait.total_seconds() if max_wait else None)
    if wrong:
        app.screen.note(f"octojobs: {visible(wrong)}")
    return ExitCode.FAILED if wrong else ExitCode.OK


def _show(app: App, view: View) -> None:
    screen = app.screen
    if view["runs"]:
        screen.table(["DUE", "JOB", "", "STARTS", "ENDS", "WHY"], [_row(line) for line in view["runs"]])
    else:
        screen.note("nothing would run")
    if view["left_out"]:
        screen.note(f"{plural(view['left_out'], 'more line')}: --limit shows them, or --json")
    for job in view["jobs"]:
        screen.note(visible(_sum(job)), "dim")
    for text in _remarks(view):
        screen.note(visible(text), "dim")


def _row(line: View) -> list[str]:
    reason = f"{line['count']} due instants: {line['reason']}" if line["count"] > 1 else line["reason"]
    words = [reason] if reason else []
    if line["attempts"] > 1:
        words.append(f"{line['attempts']} attempts")
    if line["recorded"] is not None and line["recorded"] != line["outcome"]:
        words.append(f"recorded: {line['recorded']}")
    starts, ends = line["started_at"] or "", line["ended_at"] or ""
    return [line["scheduled_at"], line["job"], line["outcome"] or "", starts, ends if starts else "", "; ".join(words)]


def _sum(job: View) -> str:
    parts = [f"{count} {outcome}" for outcome, count in job["outcomes"].items() if count]
    parts += [f"{job['open']} open at the end"] if job["open"] else []
    if job["waited"]:
        parts.append(f"{job['waited']} had to wait, {span(job['longest_wait_s'])} at most")
    return f"{job['job']}: {', '.join(parts)}"


def _remarks(view: View) -> list[str]:
    assumed: Mapping[str, Any] = view["assumed"]
    texts = [f"assumed: {one['job']} takes {_told(one)}" for one in assumed["durations"]]
    if assumed["guards"]:
        texts.append(f"assumed to hold: {', '.join(assumed['guards'])}")
    if view["unmatched"]:
        texts.append(f"{plural(view['unmatched'], 'line')} of the history in this span would not come again")
    if view["stopped_at"]:
        texts.append(f"too much happens: stopped at {parse_instant(view['stopped_at']):%Y-%m-%dT%H:%M:%SZ}; name a shorter span")
    return texts + ([view["note"]] if view["note"] else [])


def _told(one: View) -> str:
    whence = {"option": "as asked for", "history": f"the median of {plural(one['runs'], 'run')}", "default": "nothing is known of it"}
    ends = "" if one["outcome"] == Outcome.SUCCEEDED.value else f", and has {one['outcome']} then"
    return f"{span(one['duration_s'])} ({whence[one['source']]}){ends}"
