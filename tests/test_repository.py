"""What git is asked, what it answers from every kind of place, and that a hostile repository's programs never run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from octojobs.errors import ExitCode, GitFailed, UsageError
from octojobs.git_command import scrub
from octojobs.repository import Head, Repository
from tests.helpers import commit_files, git, make_repository, octojobs, wait_until, write

JOBS = ".octopoid/jobs.yaml"


def repository(root: Path, files: dict[str, str] | None = None) -> Repository:
    """The repository in `root/repo`, with a commit when there are files."""
    return Repository.discover(make_repository(root, {JOBS: "jobs: {}\n"} if files is None else files))


def test_a_folder_below_the_root_belongs_to_the_repository(tmp_path: Path) -> None:
    """Octojobs may be called anywhere inside a working tree."""
    root = make_repository(tmp_path, {"a/b/c.txt": "x"})
    found = Repository.discover(root / "a/b")
    assert (found.main_worktree, found.worktree, found.common_dir) == (root, root, root / ".git")


def test_a_linked_worktree_leads_to_the_main_one(tmp_path: Path) -> None:
    """The daemon serves the main worktree, whichever one it was started in; the one it was started in is known too."""
    root = make_repository(tmp_path, {JOBS: "jobs: {}\n"})
    git(root, "worktree", "add", "--quiet", "-b", "side", "../side work")
    found = Repository.discover(tmp_path / "side work")
    assert (found.main_worktree, found.worktree, found.common_dir) == (root, tmp_path / "side work", root / ".git")
    git(root, "worktree", "lock", "--reason", "an agent works here", "../side work")
    main, side = found.worktrees()
    assert (main.path, main.ref, main.locked) == (root, "refs/heads/main", None)
    assert (side.path, side.ref, side.locked, side.bare) == (tmp_path / "side work", "refs/heads/side", "an agent works here", False)
    assert found.head(found.worktree).branch == "side"
    assert found.head().branch == "main"


def test_the_git_folder_itself_leads_to_the_main_worktree(tmp_path: Path) -> None:
    """A hook may run with the git folder as its current one."""
    root = make_repository(tmp_path, {JOBS: "jobs: {}\n"})
    assert Repository.discover(root / ".git").main_worktree == root


@pytest.mark.parametrize("name", ["new\nline", "re\rturn", "bell\x07"])
def test_a_path_with_a_control_character_is_refused(tmp_path: Path, name: str) -> None:
    """Git answers in lines: another folder, outside the repository, would be taken for it."""
    root = make_repository(tmp_path / name, {JOBS: "jobs: {}\n"})
    shown = str(root).replace("\n", "\\x0a").replace("\r", "\\x0d").replace("\x07", "\\x07")
    message = f'there is a newline or another control character in the path "{shown}"; rename the folder'
    with pytest.raises(UsageError) as refused:
        Repository.discover(root)
    assert str(refused.value) == message
    plain = tmp_path / "plain"
    git(root, "worktree", "add", "--quiet", str(plain))
    with pytest.raises(UsageError) as refused:
        Repository.discover(plain)
    assert str(refused.value) == message
    assert octojobs(root, "list").returncode == ExitCode.USAGE


@pytest.mark.parametrize("name", ["\u2028", "\x85", "sp ace ", "bs\\", "ap'os", "ü"])
def test_any_other_path_is_as_good_as_the_next(tmp_path: Path, name: str) -> None:
    """Also with what Python takes for the end of a line."""
    root = make_repository(tmp_path / name, {JOBS: "jobs: {}\n"})
    git(root, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / f"side{name}"))
    for place in (root, tmp_path / f"side{name}"):
        found = Repository.discover(place)
        assert (found.main_worktree, found.worktree, found.common_dir) == (root, place, root / ".git")


def test_a_submodule_is_a_repository_of_its_own(tmp_path: Path) -> None:
    """Git lists a submodule's git folder as its main worktree; where its files are is found all the same."""
    inner = make_repository(tmp_path / "inner", {JOBS: "jobs: {}\n"})
    outer = make_repository(tmp_path, {"a": "b"})
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    found = Repository.discover(outer / "sub")
    assert (found.main_worktree, found.common_dir) == (outer / "sub", outer / ".git/modules/sub")
    git(outer / "sub", "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    assert Repository.discover(tmp_path / "side").main_worktree == outer / "sub"


def test_places_without_a_working_tree_are_refused_in_words(tmp_path: Path) -> None:
    """Outside git, in a bare repository and in no folder at all there is nothing for octojobs to do."""
    root = make_repository(tmp_path, {JOBS: "jobs: {}\n"})
    git(tmp_path, "clone", "--quiet", "--bare", str(root), "bare.git")
    git(tmp_path / "bare.git", "worktree", "add", "--quiet", str(tmp_path / "beside"), "main")
    (tmp_path / "plain").mkdir()
    fix = "it has no main working tree for jobs to run in; run octojobs in a clone of it"
    expected = {
        "plain": f"{tmp_path}/plain is not inside a git repository; run octojobs inside one, or `git init` first",
        "nowhere": f"{tmp_path}/nowhere is not a folder; name a folder inside a git repository",
        "bare.git": f"{tmp_path}/bare.git is a bare repository: {fix}",
        "beside": f"{tmp_path}/bare.git is a bare repository: {fix}",
    }
    for name, message in expected.items():
        with pytest.raises(UsageError) as raised:
            Repository.discover(tmp_path / name)
        assert str(raised.value) == message


def test_head_is_told_on_a_branch_detached_and_before_the_first_commit(tmp_path: Path) -> None:
    """No commit yet and no branch are answers, not errors."""
    found = repository(tmp_path, {})
    assert found.head() == Head(None, "refs/heads/main")
    first = commit_files(found.main_worktree, {JOBS: "jobs: {}\n"})
    assert found.head() == Head(first, "refs/heads/main")
    git(found.main_worktree, "checkout", "--quiet", "--detach")
    assert found.head() == Head(first, None)
    assert found.head().branch is None
    git(found.main_worktree, "checkout", "--quiet", "--orphan", "new")
    assert found.head() == Head(None, "refs/heads/new")


def test_a_branch_called_head_does_not_confuse_anybody(tmp_path: Path) -> None:
    """`HEAD` is then ambiguous for git, and still the HEAD of the worktree for us."""
    found = repository(tmp_path)
    first = found.head().commit
    git(found.main_worktree, "update-ref", "refs/heads/HEAD", "HEAD")
    commit_files(found.main_worktree, {JOBS: "jobs: {}\n# more\n"})
    assert found.head() == Head(git(found.main_worktree, "rev-parse", "refs/heads/main"), "refs/heads/main")
    assert found.head().commit != first


def test_a_ref_is_read_by_its_full_name_only(tmp_path: Path) -> None:
    """`main` means something else once somebody pushes a tag of that name; an annotated tag means its commit."""
    found = repository(tmp_path)
    commit = found.head().commit
    git(found.main_worktree, "tag", "--annotate", "--message", "one", "v1")
    assert found.resolve("refs/tags/v1") == commit
    assert found.resolve("refs/heads/main") == commit
    assert found.resolve("HEAD") == commit
    assert found.resolve("refs/heads/absent") is None
    git(found.main_worktree, "update-ref", "refs/heads/refs/heads/hidden", "HEAD")
    assert found.resolve("refs/heads/hidden") is None
    for ref in ("main", "HEAD~1", "refs/heads/main~1", "refs/heads/main^{tree}", "refs/heads/a..b", "-h", "refs/heads/ma in"):
        with pytest.raises(UsageError, match="is not a full ref name; write HEAD or a full name such as refs/remotes/origin/main"):
            found.resolve(ref)


def test_what_a_person_types_is_read_as_git_reads_it(tmp_path: Path) -> None:
    """For a look at a commit; an option or nothing at all is no commit."""
    found = repository(tmp_path)
    first = found.head().commit
    assert first is not None
    second = commit_files(found.main_worktree, {"b": "2"})
    assert [found.commit_of(name) for name in ("main", "HEAD~1", second[:9], first)] == [second, first, second, first]
    assert [found.commit_of(name) for name in ("nope", "--all", "", "HEAD:b", "a b")] == [None] * 5
    assert (found.merge_base(first, second), found.is_shallow()) == (first, False)
    git(found.main_worktree, "checkout", "--quiet", "--orphan", "other")
    other = commit_files(found.main_worktree, {"c": "3"})
    assert found.merge_base(other, second) is None


def test_files_are_read_from_the_commit_whatever_the_working_tree_says(tmp_path: Path) -> None:
    """Entries tell mode and blob id, contents come by blob id, bytes untouched, all by one process."""
    found = repository(tmp_path, {JOBS: "a\r\n\n", ".octopoid/jobs/x y.yaml": "", ".octopoid/jobs/deep/z.yaml": "z"})
    write(found.main_worktree / JOBS, "edited")
    commit = found.head().commit or ""
    entries = found.entries(commit, (".octopoid", ".octopoid/", ".octopoid/jobs/"))
    assert {path: mode for path, (mode, _) in entries.items()} == {
        ".octopoid": "040000",
        ".octopoid/jobs": "040000",
        ".octopoid/jobs.yaml": "100644",
        ".octopoid/jobs/deep": "040000",
        ".octopoid/jobs/x y.yaml": "100644",
    }
    oids = [entries[path][1] for path in (JOBS, ".octopoid/jobs/x y.yaml")]
    assert found.blobs(oids) == {oids[0]: b"a\r\n\n", oids[1]: b""}
    assert found.sizes(oids) == {oids[0]: 4, oids[1]: 0}
    assert found.blobs([]) == {}
    assert found.sizes([]) == {}


def test_an_object_that_is_not_there_is_never_fetched(tmp_path: Path) -> None:
    """A partial clone would fetch it, by a program that its configuration names."""
    found = repository(tmp_path)
    missing = "0123456789" * 4
    with pytest.raises(GitFailed, match=f"object {missing} is missing from .*; fetch it first .*: octojobs never fetches"):
        found.blobs([missing])
    with pytest.raises(GitFailed, match="is a commit, not a file"):
        found.sizes([found.head().commit or ""])


def test_the_index_is_the_one_that_a_hook_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git commit FILE` gives its hooks another index; and the variable must not reach any other question."""
    root = make_repository(tmp_path, {JOBS: "one"})
    write(root / JOBS, "two")
    other = {**os.environ, "GIT_INDEX_FILE": str(tmp_path / "other")}
    subprocess.run(["git", "add", "."], cwd=root, env=other, check=True)
    plain = Repository.discover(root).index_entries((".octopoid",))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other"))
    hooked = Repository.discover(root)
    assert "GIT_INDEX_FILE" not in os.environ
    assert hooked.index_entries((".octopoid",)) != plain
    assert hooked.blobs([hooked.index_entries((".octopoid",))[JOBS][1]]).popitem()[1] == b"two"


def test_git_variables_of_a_hook_lead_nobody_astray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a hook, GIT_DIR makes any tool read another repository; who commits is kept."""
    mine = make_repository(tmp_path / "mine", {JOBS: "mine"})
    other = make_repository(tmp_path / "other", {JOBS: "other"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert Repository.discover(mine).main_worktree == mine
    names = dict.fromkeys(git(mine, "rev-parse", "--local-env-vars").split(), "x")
    environment = {**names, "GIT_SSH_COMMAND": "x", "GIT_AUTHOR_NAME": "Ada", "GIT_COMMITTER_DATE": "x", "PATH": "/bin"}
    assert scrub(environment).keys() == {*names, "GIT_SSH_COMMAND"}
    assert environment.keys() == {"GIT_AUTHOR_NAME", "GIT_COMMITTER_DATE", "PATH"}


def test_dirty_means_a_tracked_file_differs(tmp_path: Path) -> None:
    """Untracked files count only when asked; ignored ones never."""
    found = repository(tmp_path, {"a": "a", ".gitignore": "*.log\n"})
    write(found.main_worktree / "x.log", "")
    assert not found.is_dirty(untracked=True)
    write(found.main_worktree / "new", "")
    assert not found.is_dirty()
    assert found.is_dirty(untracked=True)
    write(found.main_worktree / "a", "b")
    assert found.is_dirty()
    git(found.main_worktree, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    assert not found.is_dirty(tmp_path / "side")


def test_a_repository_is_known_by_its_origin_or_else_its_name(tmp_path: Path) -> None:
    """Two hosts with a clone each agree about jitter; a setting of ours is never taken for one of theirs."""
    found = repository(tmp_path)
    assert found.identity() == "repo"
    git(found.main_worktree, "remote", "add", "origin", "https://example.org/a b.git")
    assert found.identity() == "https://example.org/a b.git"
    assert found.config("core.hooksPath") is None
    assert found.hooks_dir() == found.common_dir / "hooks"
    git(found.main_worktree, "config", "core.hooksPath", ".githooks")
    assert found.hooks_dir() == found.main_worktree / ".githooks"
    git(found.main_worktree, "config", "core.hooksPath", "~/hooks")
    assert found.hooks_dir() == Path.home() / "hooks"


def test_a_commit_takes_just_the_named_paths(tmp_path: Path) -> None:
    """What else is staged stays staged; a removed file is committed as removed."""
    found = repository(tmp_path, {"a": "a", "b": "b", "gone": "x"})
    root = found.main_worktree
    write(root / "a", "staged by somebody")
    git(root, "add", "a")
    write(root / JOBS, "jobs: {}\n")
    (root / "gone").unlink()
    commit = found.commit([JOBS, "gone"], "jobs: one more")
    assert git(root, "show", "--format=%H %s", "--name-status", commit).split() == [
        commit,
        *["jobs:", "one", "more", "A", ".octopoid/jobs.yaml", "D", "gone"],
    ]
    assert git(root, "status", "--porcelain") == "M  a"
    with pytest.raises(GitFailed):
        found.commit([JOBS], "nothing new")


def test_the_watched_files_change_with_every_move_of_head(tmp_path: Path) -> None:
    """A commit, a checkout, a reset and packed refs each touch one of them."""
    found = repository(tmp_path)
    root = found.main_worktree
    git(root, "branch", "other")

    def stamps() -> list[tuple[int, int, int] | None]:
        ref = found.head().ref
        files = [file.stat() if file.exists() else None for file in found.watch_files(*([ref] if ref else []))]
        return [(file.st_mtime_ns, file.st_ino, file.st_size) if file else None for file in files]

    commit_files(root, {JOBS: "jobs: {}\n# 2\n"})
    for command in (
        ["commit", "--quiet", "--allow-empty", "-m", "x"],
        ["checkout", "--quiet", "other"],
        ["reset", "--quiet", "--hard", "main"],
    ):
        before = stamps()
        git(root, *command)
        assert stamps() != before
    git(root, "pack-refs", "--all")
    before = stamps()
    git(root, "update-ref", "refs/heads/other", "main~1")
    assert stamps() != before


def test_a_repository_that_vanished_is_not_answered_for_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the one around it nor by the one that this process happens to stand in."""
    outer = make_repository(tmp_path, {"a": "a"})
    inner = Repository.discover(make_repository(outer / "inner", {JOBS: "jobs: {}\n"}))
    monkeypatch.chdir(outer)
    (inner.common_dir).rename(tmp_path / "away")
    here: list[Callable[[], object]] = [inner.head, inner.is_dirty, inner.worktrees, lambda: inner.resolve("refs/heads/main")]
    for question in here:
        with pytest.raises(GitFailed, match=r"not a git repository"):
            question()
    inner.main_worktree.rename(tmp_path / "gone")
    for question in here:
        with pytest.raises(GitFailed, match=r"cannot change to .*No such file or directory"):
            question()


def test_somebody_elses_repository_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """Git's own refusal of a repository of another owner is respected, and told in one line."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    root = make_repository(tmp_path, {JOBS: "jobs: {}\n"})
    os.chown(root, 12345, 12345)
    os.chown(root / ".git", 12345, 12345)
    with pytest.raises(GitFailed) as raised:
        Repository.discover(root)
    assert str(raised.value) == (
        f"git refuses {root}: detected dubious ownership in repository at '{root}'; "
        f"if you trust its owner: git config --global --add safe.directory {root}"
    )


def test_a_machine_without_git_is_told_so(tmp_path: Path) -> None:
    """No traceback from the library that looks for git when it is imported."""
    program = "from pathlib import Path; from octojobs.repository import Repository; Repository.discover(Path('.'))"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == "octojobs.errors.GitFailed: git was not found on PATH; install git 2.36 or later"


def test_questions_from_many_threads_leave_no_process_behind(tmp_path: Path) -> None:
    """Every answer is that of the asked repository, and every child has been waited for."""
    found = [repository(tmp_path / str(number), {JOBS: f"jobs: {{}} # {number}\n"}) for number in range(4)]
    heads = [one.head() for one in found]
    wrong: list[int] = []

    def ask(number: int) -> None:
        wrong.extend(number for _ in range(20) if found[number].head() != heads[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    wait_until(lambda: not _children(), 60, "git's children to be gone")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def _children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii") if sys.platform == "linux" else ""


@pytest.mark.parametrize("trouble", [OSError(11, "Resource temporarily unavailable"), RuntimeError("can't start new thread")])
def test_a_system_without_room_for_git_is_a_failure_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    """A daemon that can't ask git for a moment says so and goes on; a bare OSError would end it."""
    repository = Repository.discover(make_repository(tmp_path, {"a": "a\n"}))

    def refuse(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr("git.Git.execute", refuse)
    with pytest.raises(GitFailed) as refused:
        repository.is_dirty()
    reason = trouble.strerror if isinstance(trouble, OSError) else trouble
    assert str(refused.value) == f"git can't be started: {reason}; try again when the machine has room"
