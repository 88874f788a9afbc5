"""Where definitions come from: commits, refs, the working tree and the index, each told exactly and none mixed with another."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from octojobs.config.blob import blob_id
from octojobs.config.contents import Contents, load
from octojobs.config.loader import Loader
from octojobs.config.source import CommitSource, IndexSource, Source, WorktreeSource
from octojobs.errors import InvalidDefinitions, OctojobsError, UsageError
from octojobs.repository import Repository
from tests.helpers import commit_files, git, make_repository, write

JOBS = ".octopoid/jobs.yaml"
SETTINGS = ".octopoid/octojobs.yaml"
ONE = "jobs:\n  one: {interval: 5m, command: 'true'}\n"
TWO = "jobs:\n  two: {interval: 5m, command: 'true'}\n"

FILES = {
    JOBS: ONE,
    SETTINGS: "max_concurrent: 2\n",
    ".octopoid/jobs/a.yaml": TWO,
    ".octopoid/jobs/b.yml": "interval: 5m\ncommand: 'true'\n",
    ".octopoid/jobs/.hidden.yaml": "nonsense",
    ".octopoid/jobs/deep/c.yaml": "nonsense",
    ".octopoid/jobs/readme.md": "nonsense",
    ".octopoid/agents.yaml": "nonsense",
    "src/main.py": "",
}
DEFINITIONS = sorted([JOBS, SETTINGS, ".octopoid/jobs/a.yaml", ".octopoid/jobs/b.yml"])


def sources(repository: Repository) -> dict[str, Source]:
    """One of each kind."""
    return {
        "commit": CommitSource(repository),
        "ref": CommitSource(repository, "refs/heads/main"),
        "worktree": WorktreeSource(repository.main_worktree),
        "index": IndexSource(repository),
    }


@pytest.mark.parametrize("kind", ["commit", "ref", "worktree", "index"])
def test_every_source_lists_the_same_files_by_the_same_ids(tmp_path: Path, kind: str) -> None:
    """What is committed, staged and saved alike has one listing, and its contents."""
    repository = Repository.discover(make_repository(tmp_path, FILES))
    source = sources(repository)[kind]
    listing = source.listing()
    assert list(listing) == DEFINITIONS
    contents = source.read(DEFINITIONS)
    assert {path: contents[path].decode() for path in contents} == {path: FILES[path] for path in DEFINITIONS}
    assert dict(listing) == {path: blob_id(content) for path, content in contents.items()}
    assert source.name == (repository.head().commit if kind in ("commit", "ref") else kind)
    assert source.read([]) == {}


@pytest.mark.parametrize("kind", ["commit", "ref", "worktree", "index"])
def test_a_repository_without_definitions_has_an_empty_listing(tmp_path: Path, kind: str) -> None:
    """Nothing there is an answer; what it means is for others to say."""
    assert sources(Repository.discover(make_repository(tmp_path, {"a": "b"})))[kind].listing() == {}


def test_a_commit_source_keeps_to_its_listing_while_head_moves_on(tmp_path: Path) -> None:
    """A reader never mixes two commits."""
    root = make_repository(tmp_path, {JOBS: ONE})
    source = CommitSource(Repository.discover(root))
    listing, first = source.listing(), source.name
    commit_files(root, {JOBS: TWO})
    assert source.read([JOBS]) == {JOBS: ONE.encode()}
    assert source.listing() != listing
    assert source.name != first
    assert source.read([JOBS]) == {JOBS: TWO.encode()}


def test_a_ref_source_does_not_follow_head(tmp_path: Path) -> None:
    """A server runs what was pushed, whatever is checked out."""
    root = make_repository(tmp_path, {JOBS: ONE})
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    commit_files(root, {JOBS: TWO})
    source = CommitSource(Repository.discover(root), "refs/remotes/origin/main")
    source.listing()
    assert source.read([JOBS]) == {JOBS: ONE.encode()}
    assert root / ".git/refs/remotes/origin/main" in source.watch_files()


def test_a_source_that_is_not_there_names_the_remedy(tmp_path: Path) -> None:
    """Before the first commit, and without the ref."""
    root = make_repository(tmp_path)
    repository = Repository.discover(root)
    expected = {
        "HEAD": f"{root} has no commit yet, and definitions are read from a commit; "
        "commit .octopoid/jobs.yaml, or use --source worktree while developing",
        "refs/remotes/origin/main": f"{root} has no refs/remotes/origin/main; "
        "fetch it, or name another --source: HEAD, a full ref name or worktree",
    }
    for ref, message in expected.items():
        with pytest.raises(UsageError) as raised:
            CommitSource(repository, ref).listing()
        assert str(raised.value) == message


def link_folder(root: Path) -> None:
    """`.octopoid` leads elsewhere."""
    write(root / "elsewhere/jobs.yaml", ONE)
    (root / ".octopoid").symlink_to("elsewhere")


def link_file(root: Path) -> None:
    """`jobs.yaml` leads elsewhere."""
    write(root / "elsewhere/jobs.yaml", ONE)
    (root / ".octopoid").mkdir()
    (root / JOBS).symlink_to("../elsewhere/jobs.yaml")


def link_jobs_folder(root: Path) -> None:
    """`jobs/` leads elsewhere."""
    write(root / JOBS, ONE)
    write(root / "elsewhere/a.yaml", TWO)
    (root / ".octopoid/jobs").symlink_to("../elsewhere")


REFUSED = {
    link_folder: (".octopoid: this is a symbolic link, not a folder; put the folder itself there"),
    link_file: (".octopoid/jobs.yaml: this is a symbolic link, not a file; put the file itself there"),
    link_jobs_folder: (".octopoid/jobs: this is a symbolic link, not a folder; put the folder itself there"),
}


@pytest.mark.parametrize("kind", ["commit", "worktree", "index"])
@pytest.mark.parametrize("make", REFUSED)
def test_a_symbolic_link_is_refused(tmp_path: Path, kind: str, make: object) -> None:
    """What it points to is not what was reviewed."""
    assert callable(make)
    root = make_repository(tmp_path, {"a": "b"})
    make(root)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "links")
    with pytest.raises(InvalidDefinitions) as raised:
        sources(Repository.discover(root))[kind].listing()
    assert str(raised.value) == f"{REFUSED[make]}; links are not followed: what they point to may be outside of what was reviewed"


@pytest.mark.parametrize("kind", ["commit", "index"])
def test_a_submodule_in_place_of_the_folder_is_refused(tmp_path: Path, kind: str) -> None:
    """Its content is another repository's, under another review."""
    inner = make_repository(tmp_path / "inner", {"jobs.yaml": ONE})
    root = make_repository(tmp_path, {"a": "b"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), ".octopoid")
    git(root, "commit", "--quiet", "-m", "sub")
    with pytest.raises(InvalidDefinitions, match=r"^\.octopoid: this is a submodule, not a folder"):
        sources(Repository.discover(root))[kind].listing()


def test_a_pipe_in_the_working_tree_blocks_nobody(tmp_path: Path) -> None:
    """Opening a named pipe to read waits for a writer for ever, unless one asks not to."""
    root = make_repository(tmp_path, {"a": "b"})
    (root / ".octopoid").mkdir()
    os.mkfifo(root / JOBS)
    with pytest.raises(InvalidDefinitions, match=r"^\.octopoid/jobs.yaml: this is a device or a pipe, not a file"):
        WorktreeSource(root).listing()


@pytest.mark.parametrize("kind", ["commit", "worktree", "index"])
def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, kind: str) -> None:
    """Nobody holds gigabytes in memory to say that they are too many."""
    root = make_repository(tmp_path, {JOBS: "#" * (4 * 1024 * 1024 + 1)})
    source = sources(Repository.discover(root))[kind]
    with pytest.raises(InvalidDefinitions) as raised:
        source.read(source.listing())
    message = ".octopoid/jobs.yaml: the file has 4,194,305 bytes, more than 4 MiB; split it into .octopoid/jobs/*.yaml"
    assert str(raised.value) == message


def test_an_unreadable_file_is_a_problem_and_not_an_absent_one(tmp_path: Path) -> None:
    """A folder in the file's place can't be read, and means no less than that."""
    root = make_repository(tmp_path, {"a": "b"})
    (root / JOBS).mkdir(parents=True)
    with pytest.raises(InvalidDefinitions, match=r"^\.octopoid/jobs.yaml: this is a folder, not a file"):
        WorktreeSource(root).listing()


def test_the_working_tree_is_never_read_half_written(tmp_path: Path) -> None:
    """A program that writes a file in pieces is waited for: a torn file would parse as a shorter list of jobs."""
    root = make_repository(tmp_path, {JOBS: ONE})
    whole = "".join(f"  job{number}: {{interval: 5m, command: 'true'}}\n" for number in range(200))
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.wait(0.03):
            with (root / JOBS).open("w", encoding="utf-8") as file:
                file.write("jobs:\n")
                for line in whole.splitlines(keepends=True):
                    file.write(line)
                    file.flush()

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen = set()
    try:
        source = WorktreeSource(root)
        for _ in range(30):
            source.listing()
            seen.add(source.read([JOBS])[JOBS].decode())
    finally:
        stop.set()
        writer.join()
    assert seen <= {ONE, "jobs:\n" + whole}


def test_a_file_that_never_settles_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second of waiting the last listing stays, and the message says what to stop."""
    root = make_repository(tmp_path, {JOBS: ONE})
    source = WorktreeSource(root)
    listing = dict(source.listing())
    numbers = iter(range(1000))
    read = WorktreeSource._read

    def restless(self: WorktreeSource) -> object:
        write(root / JOBS, f"# {next(numbers)}\n")
        return read(self)

    with monkeypatch.context() as patch:
        patch.setattr(WorktreeSource, "_read", restless)
        with pytest.raises(OctojobsError) as raised:
            source.listing()
    assert str(raised.value) == f"the files in {root}/.octopoid change faster than they can be read; stop what writes them"
    assert source.read([JOBS]) == {JOBS: ONE.encode()}
    assert listing == {JOBS: blob_id(ONE.encode())}


@pytest.mark.parametrize("kind", ["commit", "worktree", "index"])
def test_the_settings_say_where_the_jobs_are(tmp_path: Path, kind: str) -> None:
    """Where another orchestrator owns `.octopoid/jobs.yaml`, `jobs_file:` names ours; the command line outdoes it."""
    root = make_repository(
        tmp_path, {JOBS: "theirs: [", SETTINGS: "jobs_file: ci/jobs/ours.yaml\n", "ci/jobs/ours.yaml": ONE, "x.yaml": TWO}
    )
    repository = Repository.discover(root)
    loaded = load(sources(repository)[kind], Loader())
    assert loaded.definitions is not None
    assert [*loaded.definitions.jobs] == ["one"]
    chosen = load(CommitSource(repository, jobs_file="x.yaml"), Loader())
    assert chosen.definitions is not None
    assert [*chosen.definitions.jobs] == ["two"]


@pytest.mark.parametrize("path", ["/etc/jobs.yaml", "../jobs.yaml", "a/../../b.yaml", ".git/jobs.yaml", ".", "a//b.yaml"])
def test_a_jobs_file_outside_of_the_repository_is_refused(tmp_path: Path, path: str) -> None:
    """The definitions are those of the repository, reviewed in it."""
    with pytest.raises(UsageError) as raised:
        WorktreeSource(tmp_path, path)
    assert (
        str(raised.value) == f"jobs file {path!r} is not a path inside the repository; write it relative to the repository, such as {JOBS}"
    )


def test_only_what_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload of 20 files of which one changed reads one blob."""
    root = make_repository(tmp_path, {f".octopoid/jobs/{number}.yaml": f"# {number}\n{ONE}" for number in range(20)})
    source = CommitSource(Repository.discover(root))
    contents = Contents(source)
    contents.look()
    commit_files(root, {".octopoid/jobs/7.yaml": TWO})
    asked: list[int] = []
    blobs = Repository.blobs

    def counted(self: Repository, oids: Iterable[str]) -> dict[str, bytes]:
        wanted = list(oids)
        asked.append(len(wanted))
        return blobs(self, wanted)

    monkeypatch.setattr(Repository, "blobs", counted)
    files = contents.look()
    assert asked == [1]
    assert files[".octopoid/jobs/7.yaml"][1] == TWO.encode()
    assert files[".octopoid/jobs/8.yaml"][1] == f"# 8\n{ONE}".encode()


def test_what_a_source_declares_is_told_in_one_call(tmp_path: Path) -> None:
    """Files that can't be had are problems like any other; a missing file is never an empty one."""
    root = make_repository(tmp_path, {"a": "b"})
    loaded = load(WorktreeSource(root), Loader())
    assert loaded.definitions is None
    assert [str(problem) for problem in loaded.problems] == [
        ".octopoid/jobs.yaml: there is no such file, and no other that declares jobs; write one with `octojobs init`"
    ]
    link_file(root)
    loaded = load(WorktreeSource(root), Loader())
    assert loaded.definitions is None
    assert [problem.path for problem in loaded.problems] == [JOBS]
