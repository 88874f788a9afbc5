"""Overlap: what happens when a job falls due while a run of it is still open."""

from __future__ import annotations

import pytest

from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job, Overlap
from octojobs.core.overlap import OpenRun, Room, make_room
from octojobs.core.run import Phase
from octojobs.core.when import IntervalWhen

FIRST, SECOND = RunId("sync@20260101T120000Z"), RunId("sync@20260101T120500Z")


def job(overlap: Overlap, max_instances: int = 1) -> Job:
    """A job with the policy."""
    return Job(JobId("sync"), IntervalWhen(300), CommandAction("true"), overlap=overlap, max_instances=max_instances)


@pytest.mark.parametrize("overlap", Overlap)
def test_a_job_without_open_runs_starts(overlap: Overlap) -> None:
    """Whatever its policy."""
    assert make_room(job(overlap), []) == Room(starts=True)


@pytest.mark.parametrize(
    ("phase", "words"),
    [(Phase.QUEUED, "queued"), (Phase.STARTING, "running"), (Phase.RUNNING, "running"), (Phase.RETRYING, "waiting for a retry")],
)
def test_skip_names_the_run_that_is_in_the_way(phase: Phase, words: str) -> None:
    """A retry keeps its run open."""
    assert make_room(job(Overlap.SKIP), [OpenRun(FIRST, phase)]) == Room(starts=False, reason=f"previous run {FIRST} is still {words}")


def test_queue_one_keeps_one_in_the_queue() -> None:
    """A second one waits for nothing."""
    assert make_room(job(Overlap.QUEUE_ONE), [OpenRun(FIRST, Phase.RUNNING)]).starts
    full = make_room(job(Overlap.QUEUE_ONE), [OpenRun(FIRST, Phase.RUNNING), OpenRun(SECOND, Phase.QUEUED)])
    assert full == Room(starts=False, reason=f"previous run {SECOND} is still queued")


def test_queue_all_queues_all() -> None:
    """However many."""
    assert make_room(job(Overlap.QUEUE_ALL), [OpenRun(FIRST, Phase.RUNNING), OpenRun(SECOND, Phase.QUEUED)]) == Room(starts=True)


def test_cancel_running_ends_every_open_run() -> None:
    """The queued one too."""
    room = make_room(job(Overlap.CANCEL_RUNNING), [OpenRun(FIRST, Phase.RUNNING), OpenRun(SECOND, Phase.QUEUED)])
    assert room == Room(starts=True, cancel=(FIRST, SECOND))


def test_allow_counts_to_max_instances() -> None:
    """Open runs, the queued included."""
    assert make_room(job(Overlap.ALLOW, 2), [OpenRun(FIRST, Phase.RUNNING)]).starts
    full = make_room(job(Overlap.ALLOW, 2), [OpenRun(FIRST, Phase.RUNNING), OpenRun(SECOND, Phase.QUEUED)])
    assert full == Room(starts=False, reason="2 runs are open and max_instances is 2")


def test_what_catch_up_all_brings_queues_behind_its_siblings() -> None:
    """It fell due when nobody was there: `skip` is about instants that fall due while a run is open."""
    assert make_room(job(Overlap.SKIP), [OpenRun(FIRST, Phase.QUEUED)], backfill=True).starts
