"""A repository as every use case finds it: what is declared and where, where its state is, and who serves it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.actions.workspace import Workspace
from octojobs.config import trust
from octojobs.core.definitions import Settings
from octojobs.core.events import JobSeen
from octojobs.core.identity import JobId
from octojobs.core.ledger import Ledger
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.errors import InvalidDefinitions, UsageError
from octojobs.repository import Repository
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store
from tests.helpers import commit_files, git, make_repository, write

FILE = ".octopoid/jobs.yaml"
NIGHTLY = "jobs:\n  nightly: {schedule: '0 2 * * *', command: make nightly}\n"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one job in its commit."""
    return make_repository(tmp_path, {FILE: NIGHTLY})


@contextmanager
def served(repo: Path, source: str) -> Iterator[None]:
    """Somebody holds the repository, and says that it runs the source."""
    paths = StatePaths(repo / ".git/octojobs")
    store = Store.open(paths, lambda: NOW, allow_network_fs=True)
    Heartbeat(paths).beat(Vitals(os.getpid(), "1.0", "2026-11-20T10:00:00Z", source, "", 1))
    try:
        yield
    finally:
        store.close()


def names(workspace: Workspace) -> list[str]:
    """The jobs in force."""
    return [*workspace.definitions.jobs]


def test_it_is_found_from_any_folder_in_it(repo: Path) -> None:
    """Its root is the main worktree, also when it is found from a linked one."""
    git(repo, "worktree", "add", "--quiet", "-b", "topic", "../linked")
    for start in (repo, repo / ".octopoid", repo.parent / "linked"):
        assert Workspace.open(start).root == repo


def test_outside_git_there_is_none(tmp_path: Path) -> None:
    """And who asked is told so."""
    with pytest.raises(UsageError):
        Workspace.open(tmp_path)


def test_what_is_declared_is_what_is_committed(repo: Path) -> None:
    """An edit is not live, and that is said."""
    workspace = Workspace.open(repo)
    assert (names(workspace), workspace.source_note) == (["nightly"], "")
    write(repo / FILE, NIGHTLY + "  hand: {manual: true, command: make}\n")
    workspace = Workspace.open(repo)
    assert (names(workspace), workspace.source_note) == (["nightly"], "not committed yet, so not live: changes to hand")


def test_a_job_that_only_moved_within_its_file_is_no_change(repo: Path) -> None:
    """A comment above it is nobody's news."""
    write(repo / FILE, f"# at night\n\n{NIGHTLY}")
    assert Workspace.open(repo).source_note == ""


def test_of_many_changes_the_first_five_are_named(repo: Path) -> None:
    """A note is one line."""
    write(repo / FILE, NIGHTLY + "".join(f"  hand{n}: {{manual: true, command: make}}\n" for n in range(6)))
    note = Workspace.open(repo).source_note
    assert note == "not committed yet, so not live: changes to hand0, hand1, hand2, hand3, hand4 …"


def test_a_working_tree_with_problems_is_said_and_changes_nothing(repo: Path) -> None:
    """The commit is in force."""
    write(repo / FILE, "jobs: [\n")
    workspace = Workspace.open(repo)
    expected = "the working tree's definitions have problems (`octojobs validate` shows them); this is the commit"
    assert (names(workspace), workspace.source_note) == (["nightly"], expected)
    assert workspace.working_tree.definitions is None


def test_where_nothing_is_committed_the_working_tree_is_shown(tmp_path: Path) -> None:
    """`init` comes before the first commit."""
    repo = make_repository(tmp_path)
    write(repo / FILE, NIGHTLY)
    workspace = Workspace.open(repo)
    assert (names(workspace), workspace.source_note) == (["nightly"], "nothing is committed yet: this is the working tree")


def test_another_source_is_read_when_it_is_named(repo: Path) -> None:
    """A full ref, or the working tree."""
    git(repo, "branch", "release")
    commit_files(repo, {FILE: NIGHTLY.replace("nightly", "weekly")})
    write(repo / FILE, NIGHTLY.replace("nightly", "hourly"))
    sources = (None, "refs/heads/release", "worktree")
    assert [names(Workspace.open(repo, source=source)) for source in sources] == [["weekly"], ["nightly"], ["hourly"]]


def test_without_a_name_it_is_what_was_allowed_and_first_of_all_what_the_daemon_reads(repo: Path) -> None:
    """What a verb shows is what runs."""
    write(repo / FILE, NIGHTLY.replace("nightly", "hourly"))
    trust.allow(Repository.discover(repo), now=NOW, by="ada", source="worktree")
    assert names(Workspace.open(repo)) == ["hourly"]
    with served(repo, "HEAD"):
        assert names(Workspace.open(repo)) == ["nightly"]
    with served(repo, "worktree"):
        assert names(Workspace.open(repo, source="HEAD")) == ["nightly"]


def test_definitions_that_can_t_be_used_are_all_their_problems(repo: Path) -> None:
    """There is no last good one here: nobody has ever run them."""
    commit_files(repo, {FILE: "jobs:\n  a: {schedule: '61 * * * *', command: x}\n  b: {command: x}\n"})
    workspace = Workspace.open(repo)
    with pytest.raises(InvalidDefinitions) as refused:
        _ = workspace.definitions
    assert [problem.line for problem in refused.value.problems] == [2, 3]
    assert workspace.settings == Settings()


def test_the_state_is_below_the_common_directory_unless_somebody_says_otherwise(repo: Path) -> None:
    """The settings, and before them the command line."""
    assert Workspace.open(repo).paths.root == repo / ".git/octojobs"
    commit_files(repo, {".octopoid/octojobs.yaml": "state_dir: var/octojobs\n"})
    trust.allow(Repository.discover(repo), now=NOW, by="ada")
    assert Workspace.open(repo).paths.root == repo / "var/octojobs"
    assert Workspace.open(repo, state_dir=repo / "elsewhere").paths.root == repo / "elsewhere"


def test_a_linked_worktree_shares_the_state(repo: Path) -> None:
    """One repository, one daemon."""
    git(repo, "worktree", "add", "--quiet", "-b", "topic", "../linked")
    assert Workspace.open(repo.parent / "linked").paths == Workspace.open(repo).paths


def test_a_heartbeat_counts_while_who_wrote_it_holds_the_repository(repo: Path) -> None:
    """One that was left by a daemon that is gone says nothing."""
    with served(repo, "HEAD"):
        workspace = Workspace.open(repo)
        assert workspace.vitals is not None
        holder = workspace.holder()
        assert holder is not None
        assert (workspace.vitals.pid, holder.pid) == (os.getpid(), os.getpid())
    workspace = Workspace.open(repo)
    assert (workspace.vitals, workspace.holder()) == (None, None)


def test_the_recorded_state_is_read_without_the_lock(repo: Path) -> None:
    """While a daemon writes it, and where there has never been one."""
    assert Workspace.open(repo).ledger() == Ledger()
    paths = StatePaths(repo / ".git/octojobs")
    store = Store.open(paths, lambda: NOW, allow_network_fs=True)
    store.commit([JobSeen(JobId("nightly"), NOW, NOW)])
    assert Workspace.open(repo).ledger() == store.ledger
    store.close()


def test_the_salt_is_the_origin_s_so_that_a_standby_has_the_same(repo: Path) -> None:
    """Jitter spreads the jobs of a repository in the same way on each machine."""
    git(repo, "remote", "add", "origin", "https://git.example.org/team/tool.git")
    other = make_repository(repo.parent / "elsewhere", {FILE: NIGHTLY})
    git(other, "remote", "add", "origin", "https://git.example.org/team/tool.git")
    assert Workspace.open(repo).salt() == Workspace.open(other).salt()
