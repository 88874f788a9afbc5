"""A small world for the store: jobs, runs and the batches of events that an engine would write."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, CursorMoved, Event, JobSeen, NotRun, RunClaimed, RunReady
from octojobs.core.guards import Condition, Status, Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, FollowUp, Job, RetryPolicy, ScriptAction, Source
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Process, Run
from octojobs.core.when import IntervalWhen, ScheduleWhen
from octojobs.store.history import days, rows_in
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store

T0 = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NIGHTLY = JobId("nightly")
SWEEP = JobId("sweep")

JOBS = {
    NIGHTLY: Job(
        NIGHTLY,
        ScheduleWhen(("0 2 * * *",)),
        CommandAction("make nightly"),
        Source(".octopoid/jobs.yaml", 4),
        conditions=(Condition("on_branch", {"branch": "main"}),),
        retries=RetryPolicy(max=2),
        env={"LANG": "C", "NAME": "Zoë \udcff"},
        on_failure=FollowUp(command=CommandAction(("notify", "me"))),
    ),
    SWEEP: Job(SWEEP, IntervalWhen(60), ScriptAction("octojobs.housekeeping:prune_history", {"days": 3}), tags=("a", "b")),
}


def clock() -> datetime:
    """The instant at which all of this happens."""
    return T0


def open_store(root: Path) -> Store:
    """The store in the folder, wherever that is."""
    return Store.open(StatePaths(root), clock, allow_network_fs=True)


@contextmanager
def opened(root: Path) -> Iterator[Store]:
    """As `open_store`, closed at the end of the block."""
    store = open_store(root)
    try:
        yield store
    finally:
        store.close()


def seen() -> list[Event]:
    """First sight of both jobs."""
    return [JobSeen(NIGHTLY, T0, T0), JobSeen(SWEEP, T0, T0, 60)]


def due(number: int) -> datetime:
    """The due instant of `batches(number)`."""
    return T0 + timedelta(minutes=number)


def run_of(number: int, job: JobId = SWEEP) -> RunId:
    """The run that `batches(number)` are about."""
    return RunId.of(job, due(number))


def batches(number: int) -> list[list[Event]]:
    """Three batches in the life of one run: claimed and starting, started, ended (and another instant that did not run)."""
    at, run = due(number), run_of(number)
    verdicts = (Verdict(Status.PASSED, "on main", "on_branch"),)
    claimed = Run(run, JOBS[SWEEP], at, Cause.SCHEDULE, at, Phase.WAITING, definitions="3f2c1ab")
    outcome, code = (Outcome.FAILED, 3) if number % 3 == 0 else (Outcome.SUCCEEDED, 0)
    ended = Attempt(1, outcome, at, at + timedelta(seconds=5), code)
    return [
        [RunClaimed(claimed), RunReady(run, verdicts), AttemptStarting(run, 1, at, "3f2c1ab", dirty=True)],
        [AttemptStarted(run, 1, at, Process(4711, 12345, "boot"))],
        [AttemptEnded(run, ended), NotRun(NIGHTLY, at, Outcome.SKIPPED, "on_branch failed", at, verdicts=verdicts)],
    ]


def live(store: Store, numbers: Sequence[int]) -> None:
    """Commit the lives of these runs."""
    for number in numbers:
        for batch in batches(number):
            store.commit(batch)


def moved(number: int) -> list[Event]:
    """A batch that makes no row."""
    return [CursorMoved(NIGHTLY, due(number))]


def rows(root: Path) -> list[dict[str, Any]]:
    """Every row of the history by seq; a line that is not as written fails the test."""
    found = []
    for path in days(root / "history"):
        for _, _, row in rows_in(path):
            assert row is not None, path
            found.append(row)
    return sorted(found, key=lambda row: (row["seq"], row["n"]))


def check_rows(root: Path, ended: int) -> None:
    """The history has the two rows of each of the first `ended` runs exactly once."""
    ids = Counter(row["id"] for row in rows(root))
    assert ids == Counter({run: 1 for number in range(ended) for run in (run_of(number), run_of(number, NIGHTLY))})


def copy_of(root: Path, name: str) -> Path:
    """The folder as it lies there now, copied: what a machine that lost power would find, at best."""
    target = root.with_name(name)
    shutil.rmtree(target, ignore_errors=True)
    return shutil.copytree(root, target)


def load_json(path: Path) -> Any:
    """The JSON in the file."""
    return json.loads(path.read_text(encoding="utf-8"))
