"""Worktrees of octojobs' own: one for a run, locked while it is in use, and what was done in it kept before it goes."""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from octojobs.core.refnames import is_full_ref
from octojobs.errors import GitFailed
from octojobs.git_command import ask
from octojobs.repository import Repository
from octojobs.slotted import dataclass

TIMEOUT_S = 3600.0
"""A checkout of a large repository onto a slow disk; the run's own time limit ends it sooner."""
_GITLINK = "160000"
_LARGEST_INDEX = 1 << 30
"""Ten million files; a sparse file of terabytes takes its maker nothing, and would fill the disk as a copy."""
_DIFF = ("diff-index", "-p", "--cached", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")


@dataclass(frozen=True, slots=True)
class Work:
    """What was done in a worktree: the commits since its base, the branch that they are kept on, the patch of what was not committed."""

    commits: int = 0
    branch: str = ""
    patch: Path | None = None


def add(repository: Repository, path: Path, commit: str, reason: str) -> None:
    """Make a detached worktree of `commit` at `path`, which is missing or an empty folder, and lock it. Raises GitFailed.

    No hook and no filter runs: a file that git-lfs keeps is its pointer. It is locked once it is whole: see `is_whole`. Two at once
    would trip over one another: the caller sees to it that there is one.
    """
    place = repository.main_worktree
    command = ["worktree", "add", "--quiet", "--detach", "--", os.fspath(path), commit]
    ask(place, command, filters=False, timeout_s=TIMEOUT_S)
    ask(place, ["worktree", "lock", "--reason", reason, "--", os.fspath(path)])


def git_dir(repository: Repository, path: Path) -> Path:
    """The folder in which git keeps what it knows of the worktree. Raises GitFailed unless it is one of this repository's."""
    try:
        said = os.fsdecode((path / ".git").read_bytes()).removeprefix("gitdir: ").rstrip("\n")
    except OSError as error:
        raise GitFailed(f"{path} is no worktree: {error.strerror}") from None
    found = Path(os.path.normpath(path / said))
    if found.parent.resolve() != (repository.common_dir / "worktrees").resolve():
        raise GitFailed(f"{path} is no worktree of {repository.common_dir}")
    return found


def detach(path: Path, commit: str) -> None:
    """Let the worktree's HEAD be the commit and no branch; its files stay as they are. Raises GitFailed."""
    ask(path, ["update-ref", "--no-deref", "HEAD", commit])


def is_whole(repository: Repository, path: Path) -> bool:
    """Whether git has made it to the end; False: nothing ever ran in it. Raises GitFailed for what is no worktree of ours."""
    folder = git_dir(repository, path)
    if not folder.is_dir():
        raise GitFailed(f"git knows nothing of it any more: {folder} is gone")
    return (folder / "index").exists()


def keep(repository: Repository, path: Path, base: str, branch: str, patch: Path) -> Work:
    """Keep what was done: commits become `branch` (a full ref name), a dirty tree the file `patch` (binary, for `git apply --index`).

    Without a `base`, commits that no ref has count. The patch has the untracked files, too; what git ignores is not kept. It is
    applied for trial before it counts. A branch or a patch of that name which is there already stays: ours gets a number. Raises
    GitFailed and OSError; nothing has been lost then.
    """
    _require_no_rebase(git_dir(repository, path))
    head = repository.head(path).commit
    work = _keep_commits(repository, head, base, branch)
    return replace(work, patch=_write_patch(repository, path, head, patch))


def forget(repository: Repository, path: Path, head: str | None, base: str, branch: str) -> Work:
    """Keep the commits of a worktree whose folder is gone, and have git forget it. Raises GitFailed."""
    work = _keep_commits(repository, head, base, branch)
    remove(repository, path)
    return work


def remove(repository: Repository, path: Path) -> None:
    """Remove the worktree, whatever is in it, locked or not. Raises GitFailed, and OSError."""
    make_removable(path)
    ask(repository.main_worktree, ["worktree", "remove", "--force", "--force", "--", os.fspath(path)], timeout_s=TIMEOUT_S)


def _keep_commits(repository: Repository, head: str | None, base: str, branch: str) -> Work:
    since = [f"^{base}"] if base else ["--not", "--branches", "--remotes", "--tags"]
    counted = ["rev-list", "--count", str(head), *since, "--"]
    commits = int(ask(repository.main_worktree, counted).out) if head and head != base else 0
    return Work(commits, _branch_at(repository, branch, str(head)) if commits else "")


def _branch_at(repository: Repository, branch: str, commit: str) -> str:
    """Make the branch, or one with a number behind it; its full name. One that stands there already is taken as ours."""
    if not is_full_ref(branch):
        raise GitFailed(f"{branch} can't be the name of a branch")
    name, number = branch, 1
    while (there := repository.resolve(name)) not in (None, commit):
        number += 1
        name = f"{branch}.{number}"
    if there is None:
        log = ["-m", "octojobs: kept from a run's worktree", "--create-reflog"]
        ask(repository.main_worktree, ["update-ref", *log, name, commit, "0" * len(commit)])
    return name


def _require_no_rebase(folder: Path) -> None:
    """What a rebase began with is known to its own files alone, and goes with the worktree."""
    for name in ("rebase-merge", "rebase-apply"):
        if (folder / name).exists():
            raise GitFailed("a rebase is under way in it", "end it there: `git rebase --continue`, or `--abort`")


def _write_patch(repository: Repository, path: Path, head: str | None, patch: Path) -> Path | None:
    """The patch, on disk, in which what there was to keep is; None when there was nothing."""
    with _scratch_folder(patch) as scratch:
        places = _scratch_places(repository, scratch)
        _copy_index(git_dir(repository, path) / "index", scratch / "index")
        _show_skipped(path, places)
        ask(path, ["update-index", "-q", "--really-refresh"], allowed=(0, 1), environment=places, filters=False, timeout_s=TIMEOUT_S)
        ask(path, ["add", "--all"], environment=places, filters=False, timeout_s=TIMEOUT_S)
        _require_no_repositories(path, places)
        before = head or _empty_tree(path, places)
        written = scratch / "patch"
        diff = [*_DIFF, "--src-prefix=a/", "--dst-prefix=b/", f"--output={written}", before, "--"]
        ask(path, diff, environment=places, timeout_s=TIMEOUT_S)
        if written.stat().st_size == 0:
            return None
        _try_patch(path, before, written, places)
        patch = _free_name(written, patch)
        _put(written, patch)
    return patch


@contextmanager
def _scratch_folder(patch: Path) -> Iterator[Path]:
    """A folder that goes again; one that a process which was killed has left goes before: nobody else keeps this worktree."""
    scratch = patch.with_name(f".keeping.{patch.stem}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _free_name(written: Path, patch: Path) -> Path:
    """Where the patch goes. Of a worktree that was removed by half another was made before, when it was whole: that is the work."""
    name, number = patch, 1
    while name.exists() and not filecmp.cmp(name, written, shallow=False):
        number += 1
        name = patch.with_name(f"{patch.stem}.{number}{patch.suffix}")
    return name


def _copy_index(index: Path, target: Path) -> None:
    """With what was added by force, though git ignores it. What lies there may be a sandbox's work: a link to a device has no end."""
    try:
        descriptor = os.open(index, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        raise GitFailed(f"its index can't be read: {error.strerror}") from None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_INDEX:
            raise GitFailed(f"its index is no file of at most {_LARGEST_INDEX:,} bytes")
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy)


def _show_skipped(path: Path, places: Mapping[str, str]) -> None:
    """What git was told not to look at (`update-index --skip-worktree`) and is there all the same has to be looked at."""
    records = ask(path, ["ls-files", "-z", "-t"], environment=places, timeout_s=TIMEOUT_S).out.split(b"\0")
    names = [record[2:] for record in records if record.startswith(b"S ") and os.path.lexists(path / os.fsdecode(record[2:]))]
    if names:
        ask(path, ["update-index", "--no-skip-worktree", "-z", "--stdin"], environment=places, stdin=b"\0".join(names) + b"\0")


def _scratch_places(repository: Repository, scratch: Path) -> dict[str, str]:
    """An index and a folder for objects that go again: the worktree's own stay as they are, should anything fail."""
    objects = scratch / "objects"
    objects.mkdir()
    there = os.fspath(repository.common_dir / "objects")
    quoted = '"' + there.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return {
        "GIT_INDEX_FILE": os.fspath(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": os.fspath(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted,
    }


def _require_no_repositories(path: Path, places: Mapping[str, str]) -> None:
    """Another repository inside (a submodule that was fetched, a clone) is no file that a patch could hold."""
    for record in os.fsdecode(ask(path, ["ls-files", "-z", "--stage"], environment=places).out).split("\0")[:-1]:
        fields, name = record.split("\t", 1)
        if fields.startswith(_GITLINK) and os.path.lexists(path / name / ".git"):
            fix = "let the job remove it, or git ignore it; `git submodule deinit --all --force` empties submodules"
            raise GitFailed(f"there is another repository in it: {name}", fix)


def _empty_tree(path: Path, places: Mapping[str, str]) -> str:
    return os.fsdecode(ask(path, ["hash-object", "-t", "tree", "-w", "--stdin"], environment=places).out).strip()


def _try_patch(path: Path, before: str, patch: Path, places: Mapping[str, str]) -> None:
    """Raise GitFailed unless the patch makes of the commit just what is in the tree."""
    tree = ask(path, ["write-tree"], environment=places).out
    trial = {**places, "GIT_INDEX_FILE": f"{places['GIT_INDEX_FILE']}.trial"}
    ask(path, ["read-tree", before], environment=trial)
    ask(path, ["apply", "--cached", "--whitespace=nowarn", "--", os.fspath(patch)], environment=trial, timeout_s=TIMEOUT_S)
    if ask(path, ["write-tree"], environment=trial).out != tree:
        raise GitFailed("a patch does not say all that has changed in it", "look into it, commit what you want, and remove it")


def _put(written: Path, patch: Path) -> None:
    """Move the file there, 0600, durably."""
    with written.open("rb") as file:
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
    written.replace(patch)
    folder = os.open(patch.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_removable(path: Path) -> None:
    """Folders that their owner may not write to (Go's module cache) keep what is in them."""
    for folder, names, _files in os.walk(path):
        for name in names:
            child = os.path.join(folder, name)
            mode = os.lstat(child).st_mode
            if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
                os.chmod(child, stat.S_IMODE(mode) | stat.S_IRWXU)
