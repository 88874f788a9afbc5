"""P8: damaged state is detected, set aside, recovered to the last durable record, and reported; never started afresh in silence."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from octojobs.errors import ExitCode, StateDamaged
from octojobs.store import atomic, snapshot
from octojobs.store import store as store_module
from octojobs.store.lines import Unreadable
from octojobs.store.paths import StatePaths
from octojobs.store.recovery import load
from octojobs.store.store import Store
from octojobs.store.view import damage, read_state, view
from tests.store.world import NIGHTLY, SWEEP, batches, check_rows, clock, copy_of, due, live, moved, open_store, opened, rows, run_of, seen

FLIPS = 200
FILES = ("state.json", "state.json.bak", "journal.jsonl", "journal.jsonl.bak")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with two snapshots, both journals, five ended runs and one open one, left behind by a killed daemon."""
    root = tmp_path_factory.mktemp("lived") / "state"
    with opened(root) as store:
        store.commit(seen())
        live(store, range(2))
    with opened(root) as store:
        live(store, range(2, 4))
    store = open_store(root)
    live(store, [4])
    store.commit(batches(5)[0])
    store.commit(batches(5)[1])
    killed = copy_of(root, "killed")
    store.close()
    return killed


@pytest.fixture
def root(lived: Path, tmp_path: Path) -> Path:
    """A copy of `lived` to damage."""
    return shutil.copytree(lived, tmp_path / "state")


def flip(path: Path, bit: int) -> None:
    """Turn one bit of the file over."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def replace(path: Path, old: str, new: str) -> None:
    """Change the text of the file; it must have been there."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", errors="surrogateescape")


def quarantined(root: Path) -> list[str]:
    """The names of what was set aside."""
    return sorted(path.name for path in root.glob("quarantine-*"))


def test_the_story_is_whole_without_damage(root: Path) -> None:
    """What the other tests damage: five ended runs, one running."""
    with opened(root) as store:
        assert (set(store.ledger.runs), store.notes) == ({run_of(5)}, ())
    check_rows(root, 5)


def test_a_damaged_snapshot_is_rebuilt_from_the_one_before_and_both_journals(root: Path) -> None:
    """Nothing is lost, and it is said; the damaged file is kept for whoever wants to look."""
    whole = read_state(StatePaths(root))
    replace(root / "state.json", '"failures":', '"failurez":')
    damaged = (root / "state.json").read_bytes()
    with opened(root) as store:
        assert store.ledger == whole
        assert store.notes == (
            "state.json was damaged: its checksum does not match",
            "the state is as of record 18: nothing was lost",
            "set aside: quarantine-20261120T100000Z-state.json",
        )
        live(store, [6])
    assert (root / "quarantine-20261120T100000Z-state.json").read_bytes() == damaged
    with opened(root) as store:
        assert store.notes == ()
    assert damage(StatePaths(root)) == (
        "set aside after damage: quarantine-20261120T100000Z-state.json; look at what `octojobs status` shows, then remove them",
    )


def test_a_snapshot_that_is_missing_is_no_fresh_start(root: Path) -> None:
    """Somebody deleted `state.json`: that it was there is seen, and the state is put together from the rest."""
    whole = read_state(StatePaths(root))
    (root / "state.json").unlink()
    with opened(root) as store:
        assert store.ledger == whole
        assert store.notes == ("state.json was damaged: it is missing", "the state is as of record 18: nothing was lost")
    assert quarantined(root) == []


def test_an_empty_folder_is_a_fresh_start(tmp_path: Path) -> None:
    """A folder without any trace of a state is new, and so is one that a daemon was killed in before anything happened."""
    with opened(tmp_path / "state") as store:
        assert (store.notes, store.seq) == ((), 0)
    (tmp_path / "state" / "journal.jsonl").unlink()
    with opened(tmp_path / "state") as store:
        assert (store.notes, store.seq) == ((), 0)


@pytest.mark.parametrize("left", [("history",), ("history", "state.json.bak"), ("history", "journal.jsonl")])
def test_when_nothing_can_be_read_it_says_so_and_touches_nothing(root: Path, left: tuple[str, ...]) -> None:
    """Exit code 5, each file with what is wrong with it, and what can be done; asked again, the answer is the same."""
    for name in FILES:
        if name not in left:
            (root / name).unlink()
    for name in left[1:]:
        flip(root / name, 100)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "daemon.lock"}
    told = set()
    for _ in range(2):
        with pytest.raises(StateDamaged) as refused:
            Store.open(StatePaths(root), clock)
        told.add((refused.value.exit_code, str(refused.value)))
    reasons = {
        ("history",): "state.json: it is missing",
        ("history", "state.json.bak"): "state.json: it is missing; state.json.bak: it is not JSON (character 13)",
        ("history", "journal.jsonl"): "state.json: it is missing",
    }
    message = (
        f"the state in {root} can't be recovered ({reasons[left]}); put a copy of state.json from a backup there, "
        f"or begin anew, without a memory of what has run, with `mv {root} {root}.damaged`"
    )
    assert told == {(ExitCode.DAMAGED, message)}
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "daemon.lock"}
    with pytest.raises(StateDamaged):
        view(StatePaths(root))


def test_the_state_file_at_every_length_opens_to_the_whole_state(root: Path, tmp_path: Path) -> None:
    """However little of the snapshot a disk has kept, the one before and the journals have the rest."""
    paths = StatePaths(root)
    whole = read_state(paths)
    data = paths.state.read_bytes()
    for length in range(len(data) - 1):
        paths.state.write_bytes(data[:length])
        found = load(paths)
        assert (found.ledger, bool(found.notes)) == (whole, True), length
    paths.state.write_bytes(data[:-1])  # the newline at the end means nothing
    assert view(paths).notes == ()


def test_a_flipped_bit_is_noticed_wherever_it_is(root: Path) -> None:
    """Two hundred flips in snapshots and journals: the state is whole, or what is lost is said. Nothing is read wrong."""
    paths, chance = StatePaths(root), random.Random(8)
    whole = load(paths)
    for _ in range(FLIPS):
        name = chance.choice(FILES)
        before = (root / name).read_bytes()
        bit = chance.randrange(len(before) * 8)
        flip(root / name, bit)
        found = load(paths)
        if found.ledger != whole.ledger:
            assert "lost" in found.notes[-1]
            assert "nothing was lost" not in found.notes[-1], (name, bit)
        if not name.endswith(".bak") and bit < (len(before) - 1) * 8:
            assert found.notes[0].startswith(f"{name} was damaged: "), (name, bit)
        (root / name).write_bytes(before)


def test_a_bad_line_with_good_ones_behind_it_is_damage(root: Path) -> None:
    """What lies behind the gap can't be trusted to mean what it meant: it is set aside, and the numbers go on behind it."""
    lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"AttemptEnded", b"AttemptEndee")
    (root / "journal.jsonl").write_bytes(b"".join(lines))
    with opened(root) as store:
        assert store.notes == (
            "journal.jsonl was damaged: line 4 is not as written",
            "the state is as of record 15: records 16 to 18 are lost (record 16 is missing)",
            "set aside: quarantine-20261120T100000Z-journal.jsonl",
        )
        assert store.seq >= 18
        # The history knows that the run has ended, so it is not open any more: it would end twice.
        assert set(store.ledger.runs) == set()
    check_rows(root, 5)


def test_what_the_history_has_settled_is_not_settled_again(root: Path) -> None:
    """The journal is gone: the due instants of the rows that are left stay behind the cursors."""
    (root / "journal.jsonl").unlink()
    with opened(root) as store:
        assert store.notes == (
            "journal.jsonl was damaged: it is missing",
            "the state is as of record 13: what came after it is lost",
        )
        assert store.ledger.jobs[SWEEP].cursor == due(4)
        assert store.ledger.jobs[NIGHTLY].cursor == due(4)
        # A number that the history knows is not given again: its row would be taken for one that is there already.
        assert store.seq == rows(root)[-1]["seq"]
        live(store, [6])
    ids = [row["id"] for row in rows(root)]
    assert len(ids) == len(set(ids)) == 12


def test_a_last_line_that_was_acknowledged_and_is_damaged_is_reported(root: Path) -> None:
    """A torn line has no newline; one that has may have been acknowledged, so its loss is no secret."""
    journal = root / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9] + b"XXXXXXXX\n")
    with opened(root) as store:
        assert store.notes[:2] == (
            "journal.jsonl was damaged: line 6 is not as written",
            "the state is as of record 17: what came after it is lost",
        )


def test_a_newline_that_is_damaged_costs_no_record(root: Path) -> None:
    """The record before it is whole, and counts."""
    journal = root / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-1] + b"\x0b")
    with opened(root) as store:
        assert store.notes[:2] == (
            "journal.jsonl was damaged: line 6 has lost its end",
            "the state is as of record 18: nothing was lost",
        )


def test_an_old_snapshot_put_back_is_noticed(root: Path) -> None:
    """Its journal continues another one: the records between them come from the older journal, or are reported lost."""
    whole = read_state(StatePaths(root))
    shutil.copy(root / "state.json.bak", root / "state.json")
    with opened(root) as store:
        assert store.ledger == whole
        assert store.notes[:2] == (
            "journal.jsonl was damaged: record 8 is missing",
            "the state is as of record 18: nothing was lost",
        )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a":' * 100_000, "it is nested too deeply"),
        ('{"v":1,"v":1}', "the key 'v' stands twice"),
        ('{"v":NaN}', "NaN is not JSON"),
        ('{"v":' + "9" * 5000 + "}", "it is not JSON"),
        ("", "it is not JSON (character 1)"),
        ("\ufeff{}", "it is not JSON (character 1)"),
        ("7", "it is not a snapshot"),
        ('{"state":{}}', "its checksum does not match"),
        ("\0" * 4096, "it is not JSON (character 1)"),
    ],
    ids=["lists", "objects", "twice", "nan", "digits", "empty", "bom", "number", "unsigned", "zeros"],
)
def test_nothing_that_may_stand_in_the_file_is_more_than_damage(root: Path, text: str, reason: str) -> None:
    """Bombs, duplicate keys, numbers that are none: each is named, and recovered from like any other damage."""
    whole = read_state(StatePaths(root))
    (root / "state.json").write_text(text, encoding="utf-8")
    with pytest.raises(Unreadable):
        snapshot.read(text.encode())
    with opened(root) as store:
        assert store.ledger == whole
        assert store.notes[0].startswith(f"state.json was damaged: {reason}")


def test_a_state_with_a_right_checksum_and_a_wrong_shape_is_damage(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checksum says that it is as it was written, not that it can be read."""
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "state_of", lambda _, seq: {"v": 1, "seq": seq, "jobs": {"bad name": {}}, "runs": [], "pause": None})
        (root / "state.json").write_bytes(snapshot.render(read_state(StatePaths(root)), 13))
    with opened(root) as store:
        assert store.notes[0].startswith("state.json was damaged: its state can't be read: ")


def test_a_recovery_that_is_interrupted_starts_over(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it mends: the next one finds the damage still, or the mended state."""
    whole = read_state(StatePaths(root))
    replace(root / "state.json", '"failures":', '"failurez":')
    copies: list[Path] = []
    real = atomic.replace_file

    def photographed(path: Path, data: bytes, *, keep: Path | None = None, durable: bool = True) -> None:
        copies.append(copy_of(root, f"before-{len(copies)}"))
        real(path, data, keep=keep, durable=durable)

    monkeypatch.setattr(store_module, "replace_file", photographed)
    open_store(root).close()
    monkeypatch.undo()
    assert len(copies) == 2
    for copy in copies:
        with opened(copy) as store:
            assert store.ledger == whole
        check_rows(copy, 5)


def test_a_state_that_is_too_young_for_a_second_snapshot_is_recovered_from_its_journal(tmp_path: Path) -> None:
    """The journal from the very beginning is as good as a snapshot."""
    store = open_store(tmp_path / "state")
    store.commit(seen())
    store.commit(moved(1))
    killed = copy_of(tmp_path / "state", "killed")
    store.close()
    (killed / "state.json").write_bytes(b"")
    with opened(killed) as recovered:
        assert recovered.ledger == store.ledger
        assert recovered.notes[1] == "the state is as of record 2: nothing was lost"


def test_doctor_is_told_of_bad_lines_in_history(root: Path) -> None:
    """They are left out of every answer, which nobody would see otherwise."""
    assert damage(StatePaths(root)) == ()
    replace(root / "history" / "2026-11-20.jsonl", '"outcome":"failed","reason"', '"outcome":"succeeded","reason"')
    assert damage(StatePaths(root)) == ("history/2026-11-20.jsonl: 2 lines not as written",)
