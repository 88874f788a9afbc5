"""The store as its one owner uses it: stage, flush, commit, snapshot, close, open again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from octojobs.core.events import Event, JobSeen, Paused, RunBlocked, RunClaimed
from octojobs.core.identity import JobId
from octojobs.core.run import Cause, IllegalTransition, Outcome, Run
from octojobs.errors import ExitCode, UsageError
from octojobs.store import store as store_module
from octojobs.store.journal import scan
from octojobs.store.migrations import NewerFormat
from octojobs.store.paths import StatePaths, make_run_folder
from octojobs.store.snapshot import render
from octojobs.store.store import Store
from tests.store.world import JOBS, NIGHTLY, SWEEP, T0, batches, check_rows, clock, live, opened, rows, run_of, seen


def test_what_was_committed_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    """Cursors, open runs with their definitions, pauses: the ledger comes back as it was, whether or not it was closed."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
        live(store, range(4))
        store.commit(batches(4)[0])
        store.commit([Paused(SWEEP, T0, None, "broken"), Paused(None, T0, T0)])
        before, seq = store.ledger, store.seq
    with opened(root) as store:
        assert (store.ledger, store.seq, store.notes) == (before, seq, ())
        assert store.ledger.runs[run_of(4)].definition == JOBS[SWEEP]


def test_everything_it_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Folders are 0700 and files 0600, whatever the umask says."""
    old = os.umask(0)
    try:
        with opened(tmp_path / "state") as store:
            store.commit(seen())
            live(store, range(2))
            make_run_folder(store.paths, run_of(0), 1)
    finally:
        os.umask(old)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "state", *(tmp_path / "state").rglob("*")]}
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


def test_a_batch_is_one_line_of_the_journal(tmp_path: Path) -> None:
    """Staged events become durable together, or not at all."""
    with opened(tmp_path / "state") as store:
        store.stage(seen())
        for batch in batches(0):
            store.stage(batch)
        before = store.seq
        store.flush()
        found = scan(store.paths.journal.read_bytes())
    assert [record.seq for record in found.records] == [0, before + 1]
    assert len(found.records[1].events) == 2 + sum(map(len, batches(0)))


def test_nothing_staged_costs_no_write(tmp_path: Path) -> None:
    """A tick that decides nothing leaves the disk alone."""
    with opened(tmp_path / "state") as store:
        before = store.paths.journal.stat()
        store.flush()
        store.commit([])
        store.rest()
        after = store.paths.journal.stat()
    assert (before.st_mtime_ns, before.st_ino, before.st_size) == (after.st_mtime_ns, after.st_ino, after.st_size)


def test_an_event_that_the_state_machine_refuses_is_not_written(tmp_path: Path) -> None:
    """One illegal event refuses its whole batch, before anything is changed on disk or in memory."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        store.commit(batches(0)[0])
        journal = store.paths.journal.read_bytes()
        jobs, runs = dict(store.ledger.jobs), dict(store.ledger.runs)
        illegal: list[Event] = [JobSeen(JobId("other"), T0, T0), RunBlocked(run_of(0), (), T0)]
        for write in (store.commit, store.stage):
            with pytest.raises(IllegalTransition, match=r"^RunBlocked can't happen to run sweep@20261120T100000Z, which is starting$"):
                write(illegal)
        assert (store.paths.journal.read_bytes(), store.ledger.jobs, store.ledger.runs) == (journal, jobs, runs)


def test_a_run_that_is_open_is_not_claimed_again(tmp_path: Path) -> None:
    """A second claim would make the first run disappear, process and all."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        store.commit(batches(0)[0])
        again = RunClaimed(Run(run_of(0), JOBS[SWEEP], T0, Cause.MANUAL, T0))
        with pytest.raises(IllegalTransition, match=r"^run sweep@20261120T100000Z is claimed already$"):
            store.commit([again])
        live_on = store.ledger.runs[run_of(0)]
        assert live_on.cause is Cause.SCHEDULE


def test_an_event_of_a_run_that_is_not_open_is_refused(tmp_path: Path) -> None:
    """Such an event in the journal could never be replayed."""
    with opened(tmp_path / "state") as store, pytest.raises(IllegalTransition, match=r"which is not open$"):
        store.commit(batches(0)[1])


def test_a_run_may_begin_and_end_in_one_batch(tmp_path: Path) -> None:
    """The check follows the events one after the other."""
    with opened(tmp_path / "state") as store:
        made = store.commit([*seen(), *(event for batch in batches(0) for event in batch)])
        assert [(row.job, row.outcome) for row in made] == [(SWEEP, Outcome.FAILED), (NIGHTLY, Outcome.SKIPPED)]
    check_rows(tmp_path / "state", 1)


def test_the_journal_is_cut_when_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the ledger is written whole, and the journal begins anew; the pair before is kept."""
    monkeypatch.setattr(store_module, "JOURNAL_MAX", 4000)
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        live(store, range(30))
        assert store.paths.journal.stat().st_size < 20_000
        assert store.paths.old_journal.stat().st_size > 4000
        assert store.paths.backup.exists()
        before = store.ledger
    with opened(tmp_path / "state") as store:
        assert store.ledger == before
    check_rows(tmp_path / "state", 30)


def test_at_rest_a_short_journal_is_left_alone_and_a_long_one_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle daemon does not write its state after each run."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        live(store, range(3))
        store.rest()
        assert len(scan(store.paths.journal.read_bytes()).records) == 11
        monkeypatch.setattr(store_module, "JOURNAL_AT_REST", 100)
        store.rest()
        assert len(scan(store.paths.journal.read_bytes()).records) == 1


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    """A stop may come from two sides."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        store.close()
    with opened(tmp_path / "state") as store:
        assert set(store.ledger.jobs) == {NIGHTLY, SWEEP}


def test_a_network_file_system_is_refused_unless_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise P2 can't be kept there, and the user is told so."""
    monkeypatch.setattr("octojobs.file_systems.filesystem_of", lambda _: "nfs4")
    root = tmp_path / "state"
    with pytest.raises(UsageError) as refused:
        Store.open(StatePaths(root), clock)
    assert str(refused.value) == (
        f"the state in {root} would lie on nfs4, where a power cut or a lost connection takes records back; "
        "choose a local folder with --state-dir, or accept that with --allow-network-fs"
    )
    assert not root.exists()
    Store.open(StatePaths(root), clock, allow_network_fs=True).close()


def test_the_state_of_a_newer_octojobs_is_refused_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading what one does not understand would be guessing; the older snapshot is no way out either."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
    with monkeypatch.context() as patch:
        patch.setattr("octojobs.store.snapshot.VERSION", 2)
        newer = render(store.ledger, store.seq)
    (root / "state.json").write_bytes(newer)
    with pytest.raises(NewerFormat) as refused:
        Store.open(StatePaths(root), clock)
    assert refused.value.exit_code is ExitCode.DAMAGED
    assert str(refused.value) == (
        "the state is in format 2, written by a newer octojobs; this one reads formats up to 1; "
        "upgrade octojobs, or keep a separate state with --state-dir"
    )
    assert (root / "state.json").read_bytes() == newer


def test_debris_of_a_killed_writer_is_swept_away(tmp_path: Path) -> None:
    """A temporary file that nobody renamed is removed by the next owner."""
    with opened(tmp_path / "state") as store:
        debris = store.paths.root / ".state.json.99999.octojobs-tmp"
    debris.write_bytes(b"half")
    with opened(tmp_path / "state"):
        assert not debris.exists()


def test_a_folder_of_runs_that_was_made_and_not_marked_is_marked(tmp_path: Path) -> None:
    """A kill between the two must not keep what lies there for ever; a folder with something in it may be another's."""
    for name, marked in (("empty", True), ("full", False)):
        runs = tmp_path / name / "runs"
        runs.mkdir(parents=True)
        if not marked:
            (runs / "theirs").touch()
        with opened(tmp_path / name):
            assert (runs / ".octojobs").exists() == marked


def test_in_the_folder_of_requests_only_the_debris_of_the_dead_goes(tmp_path: Path) -> None:
    """Whoever leaves a request at this moment needs the file that it writes."""
    with opened(tmp_path / "state") as store:
        requests = store.paths.requests
    mine, dead, odd = (requests / f".x.json.{pid}.octojobs-tmp" for pid in (os.getpid(), 1 << 23, "x"))
    for path in (mine, dead, odd):
        path.touch()
    with opened(tmp_path / "state"):
        assert list(requests.iterdir()) == [mine]


def test_the_rows_of_history_have_always_the_same_keys(tmp_path: Path) -> None:
    """A finished run and an instant that did not run: null stands where there is nothing to say."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        live(store, range(1))
    ran, skipped = rows(tmp_path / "state")
    assert ran.keys() == skipped.keys()
    assert ran == {
        "seq": 4,
        "n": 0,
        "id": "sweep@20261120T100000Z",
        "job": "sweep",
        "scheduled_at": "2026-11-20T10:00:00Z",
        "outcome": "failed",
        "reason": "",
        "at": "2026-11-20T10:00:05Z",
        "count": 1,
        "first_scheduled_at": None,
        "correction": False,
        "conditions": [{"guard": "on_branch", "status": "passed", "evidence": "on main"}],
        "attempt": 1,
        "cause": "schedule",
        "claimed_at": "2026-11-20T10:00:00Z",
        "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:00:05Z",
        "exit_code": 3,
        "signal": None,
        "commit": "3f2c1ab",
        "definitions": "3f2c1ab",
        "dirty": True,
        "forced": False,
        "requested_by": "",
        "trigger": None,
        "attempts": [
            {
                "number": 1,
                "outcome": "failed",
                "started_at": "2026-11-20T10:00:00Z",
                "ended_at": "2026-11-20T10:00:05Z",
                "exit_code": 3,
                "signal": None,
                "reason": "",
                "void": False,
                "usage": None,
                "limited_until": None,
            }
        ],
    }
    assert (skipped["id"], skipped["outcome"], skipped["reason"]) == ("nightly@20261120T100000Z", "skipped", "on_branch failed")
