"""`next --from`: the coming instants of each kind of job, from a ledger that knows it and from none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.actions.coming import coming
from octojobs.actions.workspace import Workspace
from octojobs.core.claim import manual_run
from octojobs.core.codec import parse_instant
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, Event, JobSeen, Paused, RunClaimed
from octojobs.core.identity import JobId
from octojobs.core.run import Attempt, Outcome, Process
from octojobs.store.store import Store
from tests.helpers import make_repository

JOBS = """\
timezone: Europe/Berlin
jobs:
  again: {after: 10m, command: "true"}
  spread: {schedule: ["30 2 * * *", "@once 2026-10-25T12:00"], jitter: 10m, command: "true"}
  every: {interval: 1h, command: "true", catch_up: all, overlap: allow, max_instances: 2}
  off: {after: 10m, command: "true", enabled: false}
"""
NOON = parse_instant("2026-11-20T12:00:00Z")
AGAIN = JobId("again")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository of which no ledger knows."""
    return make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})


def remember(repo: Path, *events: Event) -> None:
    """The ledger learns these."""
    store = Store.open(Workspace.open(repo).paths, lambda: NOON)
    store.commit(events)
    store.close()


def ended_at_noon(repo: Path) -> tuple[Event, ...]:
    """A run of `again`, from its claim to its end."""
    run = manual_run(Workspace.open(repo).definitions.jobs[AGAIN], NOON, "3f2c", forced=False, by="ada", source="worktree")
    return (
        JobSeen(AGAIN, NOON - timedelta(days=1), NOON - timedelta(days=1)),
        RunClaimed(run),
        AttemptStarting(run.id, 1, NOON),
        AttemptStarted(run.id, 1, NOON, Process(4711, 1, "boot")),
        AttemptEnded(run.id, Attempt(1, Outcome.SUCCEEDED, NOON, NOON, 0)),
    )


def texts(repo: Path, name: str, start: str, count: int = 3) -> tuple[list[str], str]:
    """The instants, and why there are no more."""
    view = coming(Workspace.open(repo), name, parse_instant(start), count)
    return [one["at"] for one in view["instants"]], view["note"]


COUNTS_FROM_THE_END = "the next one counts from the end of the run"


def test_an_after_job_that_was_never_seen_is_due_at_once(repo: Path) -> None:
    """And what follows depends on how long it runs."""
    assert texts(repo, "again", "2026-11-20T12:00:00Z") == (["2026-11-20T12:00:00Z"], COUNTS_FROM_THE_END)


def test_an_after_job_is_due_a_delay_after_its_end_or_at_the_instant_asked_about(repo: Path) -> None:
    """It is never late; a pause is no part of the calculation."""
    remember(repo, *ended_at_noon(repo), Paused(AGAIN, NOON))
    assert texts(repo, "again", "2026-11-20T12:01:00Z") == (["2026-11-20T12:10:00Z"], COUNTS_FROM_THE_END)
    assert texts(repo, "again", "2026-11-21T09:00:00Z") == (["2026-11-21T09:00:00Z"], COUNTS_FROM_THE_END)


def test_an_after_job_with_an_open_run_has_no_next_instant_yet(repo: Path) -> None:
    """Running or waiting for its guards: the end is to come."""
    remember(repo, *ended_at_noon(repo)[:2])
    assert texts(repo, "again", "2026-11-20T12:01:00Z") == ([], COUNTS_FROM_THE_END)


def test_a_disabled_after_job_has_none(repo: Path) -> None:
    """The reason is said."""
    assert texts(repo, "off", "2026-11-20T12:00:00Z") == ([], "disabled")


def test_jitter_moves_the_instants_of_a_list_by_one_number_of_real_seconds(repo: Path) -> None:
    """Over the end of summer time too, and the `@once` in the list as well."""
    instants, _ = texts(repo, "spread", "2026-10-24T12:00:00Z")
    bare = ["2026-10-25T00:30:00Z", "2026-10-25T11:00:00Z", "2026-10-26T01:30:00Z"]
    (offset,) = {parse_instant(moved) - parse_instant(plain) for moved, plain in zip(instants, bare, strict=True)}
    assert timedelta() <= offset <= timedelta(minutes=10)


def test_what_is_owed_is_not_what_is_coming(repo: Path) -> None:
    """`catch_up` and `overlap` are about what a tick does with the past: `next` has the grid of the interval."""
    remember(repo, JobSeen(JobId("every"), NOON - timedelta(hours=9), NOON - timedelta(hours=9, minutes=15), 3600))
    assert texts(repo, "every", "2026-11-20T12:00:00Z", 2) == (["2026-11-20T12:45:00Z", "2026-11-20T13:45:00Z"], "")
