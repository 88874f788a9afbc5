"""The model of what must hold notices each way in which it may not: a history that is right, and its mutants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.actions.checkup.selftest import promises
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, JobSeen, NotRun, RunClaimed
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job
from octojobs.core.ledger import Ledger
from octojobs.core.run import Attempt, Cause, Outcome, Process, Run
from octojobs.core.when import IntervalWhen
from octojobs.runners import receipts
from octojobs.store.journal import Journal
from octojobs.store.paths import StatePaths, make_folders
from tests.faults.fake_shims import Stage
from tests.faults.lives import Life
from tests.faults.world import instants
from tests.store.world import open_store

T0 = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
BEAT = Job(JobId("beat"), IntervalWhen(1), CommandAction("true"))
Rows = list[dict[str, Any]]


def _run(second: int) -> Run:
    due = T0 + timedelta(seconds=second)
    return Run(RunId.of(BEAT.id, due), BEAT, due, Cause.SCHEDULE, due)


def _at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


@pytest.fixture
def evidence(tmp_path: Path) -> promises.Evidence:
    """Eight instants: five ran, two are one row of missed ones, the last one is open."""
    store = open_store(tmp_path / "state")
    store.commit([JobSeen(BEAT.id, _at(-1), _at(0), 1)])
    for second in range(5):
        run = _run(second).id
        store.commit([RunClaimed(_run(second)), AttemptStarting(run, 1, _at(second), "", dirty=False)])
        store.commit([AttemptStarted(run, 1, _at(second), Process(1, 1, "boot"))])
        store.commit([AttemptEnded(run, Attempt(1, Outcome.SUCCEEDED, _at(second), _at(second), 0))])
    store.commit([NotRun(BEAT.id, _at(6), Outcome.MISSED, "why not", _at(7), count=2, first_due=_at(5))])
    run = _run(7).id
    store.commit(
        [RunClaimed(_run(7)), AttemptStarting(run, 1, _at(7), "", dirty=False), AttemptStarted(run, 1, _at(7), Process(1, 1, "boot"))]
    )
    store.close()
    return promises.gather(StatePaths(tmp_path / "state"))


EFFECTS = [f"beat@20261120T10000{second}Z 1" for second in (0, 1, 2, 3, 4, 7)]


def test_what_is_right_is_right(evidence: promises.Evidence) -> None:
    """The model finds nothing in a history without a fault, from the first instant to the open run."""
    assert promises.one_outcome(evidence.rows, evidence.open_runs, 1, _at(7)) == []
    assert promises.at_most_once(evidence.rows, evidence.open_runs, EFFECTS) == []
    assert promises.nothing_lost(evidence, evidence) == []
    assert promises.no_damage(evidence) == []
    assert instants(evidence.rows) == [int(_at(second).timestamp()) for second in (0, 1, 2, 3, 4, 6)]


OUTCOME_MUTANTS: dict[str, tuple[Callable[[Rows], Rows], list[str]]] = {
    "a row is missing": (lambda rows: rows[:2] + rows[3:], ["the instant 2026-11-20T10:00:02Z has no outcome"]),
    "a row stands twice": (lambda rows: [*rows, rows[1]], ["the instant 2026-11-20T10:00:01Z has two outcomes"]),
    "a row covers its neighbour": (
        lambda rows: [*rows[:5], {**rows[5], "count": 3, "first_scheduled_at": "2026-11-20T10:00:04Z"}],
        ["the instant 2026-11-20T10:00:04Z has two outcomes"],
    ),
    "a row miscounts": (
        lambda rows: [*rows[:5], {**rows[5], "count": 7}],
        ["beat@20261120T100006Z says that it counts 7 instants from 1795168805 to 1795168806"],
    ),
}


@pytest.mark.parametrize("mutant", list(OUTCOME_MUTANTS))
def test_an_instant_without_exactly_one_outcome_is_noticed(evidence: promises.Evidence, mutant: str) -> None:
    """A silent instant, two outcomes for one, a count that is not true."""
    change, found = OUTCOME_MUTANTS[mutant]
    assert promises.one_outcome(change([dict(row) for row in evidence.rows]), evidence.open_runs, 1) == found


def test_a_job_that_stands_still_is_noticed(evidence: promises.Evidence) -> None:
    """No row at all, and no row since an instant by which there should be one."""
    assert promises.one_outcome([], [], 1) == ["no due instant was settled"]
    late = promises.one_outcome(evidence.rows, evidence.open_runs, 1, _at(9))
    assert late == ["nothing is settled after 2026-11-20T10:00:07Z, at 2026-11-20T10:00:09Z"]


def test_an_open_run_beside_the_row_of_its_instant_is_noticed(evidence: promises.Evidence) -> None:
    """An instant that is settled and open has two outcomes sooner or later."""
    assert promises.one_outcome(evidence.rows, [_run(3)], 1) == ["the instant 2026-11-20T10:00:03Z has two outcomes"]


@pytest.mark.parametrize(
    ("effects", "found"),
    [
        ([*EFFECTS, EFFECTS[0]], ["'beat@20261120T100000Z 1' took effect 2 times"]),
        (EFFECTS[1:], ["'beat@20261120T100000Z 1' succeeded without any effect"]),
        ([*EFFECTS, "beat@20261120T100000Z 2"], ["'beat@20261120T100000Z 2' took effect and stands nowhere"]),
        ([*EFFECTS, "beat@20261120T100006Z 1"], ["'beat@20261120T100006Z 1' took effect and stands nowhere"]),
    ],
    ids=["twice", "never", "second attempt", "missed one"],
)
def test_code_that_ran_twice_or_unrecorded_is_noticed(evidence: promises.Evidence, effects: list[str], found: list[str]) -> None:
    """One line of effects for each attempt that may have run, and none for what the record says did not."""
    assert promises.at_most_once(evidence.rows, evidence.open_runs, effects) == found


def test_code_of_an_attempt_that_never_started_is_noticed(evidence: promises.Evidence) -> None:
    """A void attempt uses up no retry because nothing of it ran."""
    rows = [dict(row) for row in evidence.rows]
    rows[0]["attempts"] = [{**rows[0]["attempts"][0], "void": True}]
    found = promises.at_most_once(rows, evidence.open_runs, EFFECTS)
    assert found == ["'beat@20261120T100000Z 1' took effect, and the record says that it never started"]


def test_records_that_went_are_noticed(evidence: promises.Evidence) -> None:
    """A row, an open run, a cursor: what was acknowledged once is there for good."""
    jobs = {job: replace(state, cursor=_at(3)) for job, state in evidence.ledger.jobs.items()}
    changed = ({**evidence.rows[0], "outcome": "failed"}, *evidence.rows[2:])
    after = promises.Evidence(changed, Ledger(jobs))
    assert promises.nothing_lost(evidence, after) == [
        "the row of beat@20261120T100001Z is gone",
        "the row of beat@20261120T100000Z is another one",
        "the open run beat@20261120T100007Z is gone",
        "the cursor of beat went from 2026-11-20 10:00:07+00:00 to 2026-11-20 10:00:03+00:00",
    ]


def test_damage_is_noticed(evidence: promises.Evidence) -> None:
    """What the reader had to mend, and lines of history that are not as written."""
    found = promises.no_damage(replace(evidence, notes=("state.json was damaged: it is missing",), bad_lines=2))
    assert found == ["the state needs mending: state.json was damaged: it is missing", "2 lines of history are not as written"]


def test_what_is_left_lying_about_is_noticed(tmp_path: Path) -> None:
    """Temporary files of the state and of a shim, a request that nobody took, a folder of runs without our mark."""
    paths = StatePaths(tmp_path)
    make_folders(paths)
    assert promises.tidy(paths) == []
    left = [paths.runs / "beat/x/1/.exit.json.4711", paths.history / ".a.jsonl.1.octojobs-tmp", paths.requests / "1.json"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (paths.runs / ".octojobs").unlink()
    assert sorted(promises.tidy(paths)) == [
        "a request is left: 1.json",
        "a temporary file is left: history/.a.jsonl.1.octojobs-tmp",
        "a temporary file is left: runs/beat/x/1/.exit.json.4711",
        "nothing will ever be forgotten: runs/ is not marked as ours",
    ]


def test_a_traceback_is_noticed() -> None:
    """A person who reads Python's words has met a mistake of ours."""
    words = [
        "octojobs: all is well",
        "Traceback (most recent call last):",
        "  File",
        "octojobs: a mistake of ours, not of yours (KeyError)",
    ]
    assert list(promises.spoken("\n".join(words))) == [f"octojobs printed {words[1]!r}", f"octojobs printed {words[3]!r}"]


@pytest.mark.parametrize(
    "output",
    [
        "Fatal Python error: init_fs_encoding: failed\nPython runtime state: core initialized\nTraceback (most recent call last):\n",
        "Exception ignored error evaluating path:\nTraceback (most recent call last):\n",
    ],
)
def test_the_traceback_of_a_python_that_can_not_begin_is_its_own(output: str) -> None:
    """Nothing of ours had run: it could not read its own library."""
    assert list(promises.spoken(output)) == []


@pytest.mark.parametrize(
    ("owner", "name", "broken", "found"),
    [
        (receipts, "fence", lambda _: True, "took effect, and the record says that it never started"),
        (receipts, "is_live", lambda _: False, "runs of"),
        (Journal, "append", lambda self, seq, *_: setattr(self, "seq", seq), "runs and is recorded as None"),
    ],
    ids=["a fence that fences nothing", "a run that is taken for dead", "a journal that forgets"],
)
def test_an_engine_that_breaks_a_promise_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, broken: object, found: str
) -> None:
    """The same life as in the model of the engine, with one of its safeguards taken out."""
    life = Life(tmp_path)
    monkeypatch.setattr(owner, name, broken)
    life.tick()
    life.die()
    life.launcher.at(Stage.RUNNING)[-1].gone()
    life.engine = life.opened()
    life.tick(31)
    wrong = life.violations()
    life.die()
    for shim in life.launcher.shims:
        shim.gone()
    assert found in "\n".join(wrong)


def test_an_engine_that_is_whole_is_found_whole(tmp_path: Path) -> None:
    """The same life, with nothing taken out."""
    life = Life(tmp_path)
    life.tick()
    life.die()
    life.launcher.at(Stage.RUNNING)[-1].gone()
    life.engine = life.opened()
    life.tick(31)
    assert life.violations() == []
    assert life.end() == []
