"""The outbox keeps what is to be told: in order, once, until it is delivered or dead."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.core.notices import CALM, Streak
from octojobs.errors import StateDamaged
from octojobs.store.outbox import ATTEMPTS, KEPT, Outbox, standing
from octojobs.store.paths import StatePaths

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state folder."""
    (tmp_path / "state").mkdir()
    return StatePaths(tmp_path / "state")


@pytest.fixture
def outbox(paths: StatePaths) -> Iterator[Outbox]:
    """A new outbox, beginning behind the batch 3."""
    with closing(Outbox(paths, 3)) as opened:
        yield opened


def test_a_new_outbox_begins_after_what_there_was(outbox: Outbox) -> None:
    """Nothing of the history so far is news."""
    assert outbox.place > (3, 10**6)
    assert outbox.place < (4, 0)


def test_what_is_put_is_there_after_the_next_start(outbox: Outbox, paths: StatePaths) -> None:
    """The place, the streak and the message, together."""
    outbox.put((4, 0), {"a": Streak(1, NOON)}, [("a/failed/ops", "ops", {"title": "a failed"})], NOON)
    outbox.close()
    with closing(Outbox(paths, 9)) as again:
        assert (again.place, again.streak("a"), again.streak("b")) == ((4, 0), Streak(1, NOON), CALM)
        assert [(one.id, one.message) for one in again.waiting()] == [("a/failed/ops", {"title": "a failed"})]


def test_the_same_message_is_kept_once(outbox: Outbox) -> None:
    """Also when it has been delivered."""
    for _ in range(2):
        outbox.put((4, 0), {}, [("a", "ops", {})], NOON)
        for one in outbox.waiting():
            outbox.delivered(one)
    outbox.put((4, 0), {}, [("a", "ops", {})], NOON)
    assert outbox.waiting() == []


def test_a_later_message_waits_for_the_one_before_it_on_its_channel_alone(outbox: Outbox, paths: StatePaths) -> None:
    """The first is a dead letter after the last try, and the next one goes on."""
    outbox.put((4, 0), {}, [("1", "slow", {}), ("2", "slow", {}), ("3", "other", {})], NOON)
    for _ in range(ATTEMPTS):
        (first, other) = outbox.waiting()
        assert (first.id, other.id) == ("1", "3")
        outbox.failed(first, "no answer", NOON)
    assert [one.id for one in outbox.waiting()] == ["2", "3"]
    pending, dead, (letter,) = standing(paths)
    assert (pending, dead, letter["id"], letter["attempts"], letter["why"]) == (2, 1, "1", ATTEMPTS, "no answer")


def test_what_is_settled_is_forgotten_after_a_week(outbox: Outbox, paths: StatePaths) -> None:
    """What waits is not."""
    outbox.put((4, 0), {}, [("1", "ops", {}), ("2", "ops", {})], NOON)
    outbox.failed(outbox.waiting()[0], "refused", NOON, final=True)
    outbox.put((5, 0), {}, [], NOON + 2 * KEPT)
    assert standing(paths)[:2] == (1, 0)


def test_an_outbox_that_cannot_be_read_is_not_an_empty_one(paths: StatePaths) -> None:
    """Unknown is not nothing."""
    paths.outbox.write_bytes(b"no database" * 1000)
    with pytest.raises(StateDamaged, match=r"outbox\.sqlite can't be read: file is not a database"):
        standing(paths)


def test_no_outbox_is_nothing_to_tell(tmp_path: Path) -> None:
    """A reader makes none."""
    assert standing(StatePaths(tmp_path)) == (0, 0, ())
    assert not StatePaths(tmp_path).outbox.exists()


def test_what_is_gathered_stays_together(outbox: Outbox, paths: StatePaths) -> None:
    """Over a restart and a failed try; what comes later is the next one."""
    outbox.put((4, 0), {}, [(name, "ops", {"n": name}) for name in ("a", "b")], NOON)
    gathered = outbox.gather(outbox.waiting()[0])
    outbox.put((5, 0), {}, [("c", "ops", {"n": "c"}), ("d", "other", {"n": "d"})], NOON)
    outbox.failed(gathered, "away", NOON)
    with closing(Outbox(paths, 9)) as again:
        first, _ = again.waiting()
        first = again.gather(first)
        assert (first.bundle, [one["n"] for one in first.together], first.attempts) == ("a", ["a", "b"], 1)
        again.delivered(first)
        assert [one.id for one in again.waiting()] == ["c", "d"]


def test_a_full_disk_is_told_as_such_and_the_outbox_goes_on_when_there_is_room(outbox: Outbox) -> None:
    """Nothing of what could not be kept is there, and nothing is in the way of the next one."""
    limit = outbox._base.execute("PRAGMA max_page_count = 1").fetchone()[0]  # as many as there are: the disk ends here
    with pytest.raises(sqlite3.OperationalError, match="database or disk is full"):
        outbox.put((4, 0), {}, [("a", "ops", {"body": "x" * 100_000})], NOON)
    assert (outbox.waiting(), outbox.place < (4, 0)) == ([], True)
    outbox._base.execute(f"PRAGMA max_page_count = {limit + 1000}")
    outbox.put((4, 0), {}, [("a", "ops", {})], NOON)
    assert [one.id for one in outbox.waiting()] == ["a"]


def test_an_outbox_of_an_older_version_is_read_on(paths: StatePaths) -> None:
    """Its place and its messages are kept."""
    with closing(Outbox(paths, 3)) as old:
        old.put((7, 2), {}, [("a", "ops", {})], NOON)
        old._base.execute("ALTER TABLE messages DROP COLUMN bundle")
        old._base.execute("PRAGMA user_version = 1")
    with closing(Outbox(paths, 9)) as now:
        assert now.place == (7, 2)
        assert [(one.id, one.bundle) for one in now.waiting()] == [("a", "")]
