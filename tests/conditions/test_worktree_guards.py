"""worktrees_idle, agent_worktrees and agent_slots_free look at what happens in linked worktrees, and who works here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.definitions import Capacity, Settings
from octojobs.core.guards import Status
from tests.facts.world import context_of, context_of_folder, entry, expect, list_pids, process_in, soon, verdict_of
from tests.helpers import commit_files, git, write

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ELEVEN = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
TEN_MINUTES = 600


def add_worktree(repo: Path, place: str) -> Path:
    """A linked worktree in which nothing has happened since eleven."""
    git(repo, "worktree", "add", "--quiet", "-b", Path(place).name, place)
    rest(repo, place)
    return (repo / place).resolve()


def rest(repo: Path, place: str, at: datetime = ELEVEN) -> None:
    """As if everything in the worktree, and in git's folder of it, were last changed then."""
    for folder in (repo / place, repo / ".git/worktrees" / Path(place).name):
        for path in [folder, *folder.rglob("*")]:
            stamp(path, at)


def stamp(path: Path, at: datetime) -> None:
    """A file, or folder, that was last changed then."""
    os.utime(path, (at.timestamp(), at.timestamp()), follow_symlinks=False)


def ago(minutes: int) -> datetime:
    """So many minutes before noon."""
    return NOON - timedelta(minutes=minutes)


def test_without_linked_worktrees_nothing_happens_in_one(repo: Path) -> None:
    """The main worktree is people's."""
    write(repo / "new.txt", "x")
    expect(context_of(repo, NOON), "worktrees_idle", Status.PASSED, "there is no linked worktree", for_s=TEN_MINUTES)


def test_a_worktree_in_which_nothing_was_changed_is_idle(repo: Path) -> None:
    """The latest change of all of them counts."""
    add_worktree(repo, "trees/one")
    add_worktree(repo, "trees/two")
    rest(repo, "trees/two", ago(10))
    words = "the last change was at 11:50 in trees/two, more than 10m ago"
    expect(context_of(repo, NOON), "worktrees_idle", Status.PASSED, words, for_s=TEN_MINUTES)


def changed(tree: Path, git_folder: Path) -> Iterator[tuple[str, Path]]:
    """One change after the other, each by itself, with the file that tells of it."""
    yield "new.txt", write(tree / "new.txt", "x")
    yield "deep/er/new.txt", write(tree / "deep/er/new.txt", "x")
    yield "readme.txt", write(tree / "readme.txt", "changed")
    (tree / "readme.txt").unlink()
    yield "readme.txt", tree
    yield "git's record", git_folder / "index"
    yield "git's record", git_folder / "HEAD"
    yield "git's record", git_folder / "logs/HEAD"


def test_new_changed_and_removed_files_and_gits_record_are_changes(repo: Path) -> None:
    """Each of them ends the quiet."""
    tree = add_worktree(repo, "trees/one")
    seen = []
    for what, path in changed(tree, repo / ".git/worktrees/one"):
        rest(repo, "trees/one")
        stamp(path, ago(2))
        words = f"{what} in trees/one changed at 11:58, 2m ago; 10m wanted"
        expect(context_of(repo, NOON), "worktrees_idle", Status.FAILED, words, for_s=TEN_MINUTES)
        seen.append(what)
    assert len(seen) == 7


def test_what_git_ignores_is_no_change(repo: Path) -> None:
    """Caches and builds are written by watchers, too."""
    commit_files(repo, {".gitignore": "*.log\n"})
    tree = add_worktree(repo, "trees/one")
    log = write(tree / "a.log", "x")
    rest(repo, "trees/one")
    stamp(log, ago(1))
    assert verdict_of(context_of(repo, NOON), "worktrees_idle", for_s=TEN_MINUTES).status is Status.PASSED


def test_a_change_ahead_of_the_clock_is_one_of_just_now(repo: Path) -> None:
    """The clock was set back."""
    tree = add_worktree(repo, "trees/one")
    stamp(write(tree / "new.txt", "x"), NOON + timedelta(hours=1))
    words = "new.txt in trees/one changed at 13:00, 0s ago; 10m wanted"
    expect(context_of(repo, NOON), "worktrees_idle", Status.FAILED, words, for_s=TEN_MINUTES)


def test_an_agent_at_work_is_not_idle_whatever_it_writes(repo: Path) -> None:
    """It may think for longer than that."""
    tree = add_worktree(repo, ".octopoid/worktrees/fix")
    with process_in(tree) as pid:
        found = verdict_of(context_of(repo, NOON), "worktrees_idle", for_s=TEN_MINUTES)
    assert found.status is Status.FAILED
    assert found.evidence.startswith(f"worktree .octopoid/worktrees/fix (sleep), pid {pid}, since ")


def test_a_worktree_that_git_cannot_read_is_unknown(repo: Path) -> None:
    """Unless something has just changed in another."""
    tree = add_worktree(repo, "trees/one")
    index = repo / ".git/worktrees/one/index"
    index.write_text("this is no index")
    stamp(index, ago(60))
    words = f"can't tell what happens in worktrees: git failed in {tree}: index file smaller than expected"
    found = verdict_of(context_of(repo, NOON), "worktrees_idle", for_s=TEN_MINUTES)
    assert found.status is Status.UNKNOWN
    assert found.evidence.startswith(words.partition(": index")[0])


def test_a_worktree_whose_folder_is_gone_is_passed_over(repo: Path) -> None:
    """Git lists it until it is pruned."""
    tree = add_worktree(repo, "trees/one")
    tree.rename(repo.parent / "elsewhere")
    expect(context_of(repo, NOON), "worktrees_idle", Status.PASSED, "there is no linked worktree", for_s=TEN_MINUTES)


def test_agent_worktrees_are_counted_by_their_patterns(repo: Path) -> None:
    """Linked worktrees and clones; a folder that is neither, and people's worktrees, are none."""
    expect(context_of(repo), "agent_worktrees", Status.PASSED, "0 of at most 0 worktrees of agents", max=0)
    add_worktree(repo, ".octopoid/worktrees/one")
    git(repo, "clone", "--quiet", ".", ".octopoid/worktrees/two")
    (repo / ".octopoid/worktrees/left-over").mkdir()
    add_worktree(repo, "trees/mine")
    named = ".octopoid/worktrees/one, .octopoid/worktrees/two"
    expect(context_of(repo), "agent_worktrees", Status.PASSED, f"2 of at most 2 worktrees of agents: {named}", max=2)
    expect(context_of(repo), "agent_worktrees", Status.FAILED, f"2 of at most 1 worktrees of agents: {named}", max=1)
    settings = Settings(agent_worktrees=("trees/*",))
    expect(context_of(repo, settings=settings), "agent_worktrees", Status.FAILED, "1 of at most 0 worktrees of agents: trees/mine", max=0)


SLOTS = Settings(pools={"agents": 3})


def test_agent_slots_are_taken_by_our_runs_and_by_agents_that_are_seen(repo: Path) -> None:
    """Whoever started them."""
    expect(context_of(repo, settings=SLOTS), "agent_slots_free", Status.PASSED, "0 of 3 places taken", min=3)
    with process_in(repo) as pid:
        list_pids(repo, {str(pid): entry(soon())})
        context = context_of(repo, settings=SLOTS, slots={"agents": ("review@20261120T100000Z",), "default": ("x", "y")})
        words = f"2 of 3 places taken: review@20261120T100000Z; implementer-1, pid {pid}, task 7e0e8c52, since "
        for wanted, status in ((1, Status.PASSED), (2, Status.FAILED)):
            found = verdict_of(context, "agent_slots_free", min=wanted)
            assert found.status is status
            assert found.evidence.startswith(words)


def test_a_slot_that_an_unseen_agent_may_have_is_unknown(repo: Path) -> None:
    """A full pool is full, all the same."""
    path = list_pids(repo, "{").relative_to(repo)
    words = f"0 of 3 places taken; can't tell whether more: {path} is not valid JSON"
    expect(context_of(repo, settings=SLOTS), "agent_slots_free", Status.UNKNOWN, words, min=1)
    expect(context_of(repo, settings=SLOTS), "agent_slots_free", Status.FAILED, "0 of 3 places taken", min=4)


def test_where_nobody_says_how_large_the_pool_is_it_has_one_place(repo: Path) -> None:
    """As for the runs themselves; `capacity` says it as well as `pools`."""
    expect(context_of(repo), "agent_slots_free", Status.PASSED, "0 of 1 places taken", min=1)
    expect(context_of(repo), "agent_slots_free", Status.FAILED, "0 of 1 places taken", min=2)
    larger = Settings(capacity=Capacity(2))
    expect(context_of(repo, settings=larger), "agent_slots_free", Status.PASSED, "0 of 2 places taken", min=2)


@pytest.mark.parametrize(("guard", "args"), [("worktrees_idle", {"for_s": 60}), ("agent_worktrees", {"max": 0})])
def test_outside_git_there_are_no_linked_worktrees(tmp_path: Path, guard: str, args: dict[str, Any]) -> None:
    """The Python API runs jobs in a folder that is no repository."""
    assert verdict_of(context_of_folder(tmp_path), guard, **args).status is Status.PASSED
