"""Who still runs, and who is in which folder, as far as this user is told."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from octojobs.core.definitions import Settings
from octojobs.facts import agents, worktrees
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.processes import inhabitants, is_running
from tests.facts.world import as_nobody, now, process_in

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def may_signal(pid: int) -> bool:
    """Whether this user may signal that process."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    return True


def test_a_process_that_we_may_not_signal_is_alive() -> None:
    """EPERM says that there is somebody."""
    us = os.getpid()
    if os.geteuid() == 0:
        assert as_nobody(lambda: f"{may_signal(us)} {is_running(us, None)}") == "False True"
    else:
        assert not may_signal(1)
        assert is_running(1, None)


def test_only_processes_inside_the_folders_are_found(tmp_path: Path) -> None:
    """A folder whose name merely begins alike is another folder."""
    work, other = tmp_path / "work", tmp_path / "work2"
    (work / "deep/er").mkdir(parents=True)
    other.mkdir()
    with process_in(work / "deep/er") as inner, process_in(other):
        found = inhabitants([work], frozenset())
        assert {place: [one.pid for one in there] for place, there in found.inside.items()} == {work: [inner]}


def test_without_folders_no_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository without agents pays nothing for them."""
    monkeypatch.setattr(psutil, "pids", lambda: pytest.fail("looked"))
    assert inhabitants([], frozenset()).inside == {}


def agents_as_nobody(root: Path) -> str:
    """What the user nobody is told about the agents' worktree `root/work`."""
    context = FactContext(None, root, root / "state", Settings(agent_worktrees=("work",)), now())
    return as_nobody(lambda: "; ".join(agents.gather(context).unreadable) or "nothing unreadable")


@only_root
def test_a_worktree_of_another_user_whose_processes_hide_is_unknown(open_folder: Path) -> None:
    """Its owner's agent would be hidden too."""
    (open_folder / "work").mkdir()
    with process_in(open_folder):
        assert agents_as_nobody(open_folder) == "worktree work belongs to user 0, whose processes hide their folders"


@only_root
def test_hidden_processes_of_others_do_not_matter_in_our_own_worktree(open_folder: Path) -> None:
    """Every machine has root's processes; they are no agents of ours."""
    (open_folder / "work").mkdir()
    os.chown(open_folder / "work", 65534, 65534)
    assert agents_as_nobody(open_folder) == "nothing unreadable"


@only_root
def test_a_folder_that_we_may_not_list_is_unknown(open_folder: Path) -> None:
    """Permission denied is not "nobody there"."""
    locked = open_folder / ".octopoid/runtime/agents"
    locked.mkdir(parents=True)
    os.chmod(locked, 0o700)
    assert agents_as_nobody(open_folder) == f"{locked} can't be read: permission denied"


def test_an_unreadable_worktree_pattern_is_told(tmp_path: Path) -> None:
    """The places that can't be looked into are named, not passed over."""
    (tmp_path / "trees").symlink_to("trees")
    context = FactContext(None, tmp_path, tmp_path / "state", Settings(agent_worktrees=("trees/*",)), now())
    with pytest.raises(Unreadable, match="trees can't be read: too many levels of symbolic links"):
        worktrees.look(context)
