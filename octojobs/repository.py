"""The repository: short questions to git about what is in it, all through the hardened prefix of `git_command.py`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from pathlib import Path

from octojobs.core.one_line import require_one_line
from octojobs.core.refnames import is_full_ref
from octojobs.errors import GitFailed, OctojobsError, UsageError
from octojobs.git_command import Answer, ask, failed, run_git, scrub
from octojobs.slotted import dataclass

COMMIT_TIMEOUT_S = 120.0  # writing waits for locks and slow disks

Entry = tuple[str, str]
"""Mode as git prints it (`100644` file, `120000` symbolic link, `160000` submodule, `040000` folder) and object id."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where HEAD stands: `commit` is None before the first commit, `ref` is None when detached."""

    commit: str | None
    ref: str | None

    @property
    def branch(self) -> str | None:
        """The branch's short name, None when detached."""
        return self.ref.removeprefix("refs/heads/") if self.ref else None


@dataclass(frozen=True, slots=True)
class Worktree:
    """One record of `git worktree list`; `locked` and `prunable` are git's reason ("" without one), None when they are not."""

    path: Path
    commit: str | None
    ref: str | None
    bare: bool
    locked: str | None
    prunable: str | None


def git_version() -> str:
    """What `git version` says of itself, such as `2.47.1`; GitFailed when there is no git."""
    return os.fsdecode(run_git(Path.cwd(), ["version"]).out).split()[2]


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository with a working tree; immutable, safe to share between threads, every method asks git anew.

    `main_worktree` is the first record of `git worktree list`: the one that the daemon serves. `worktree` is the one that
    `discover` was called in. `common_dir` is shared by all worktrees. `index_file` is the index that a commit hook was told
    to look at (`git commit -a` and `git commit FILE` use another than `.git/index`), None outside a hook.
    """

    main_worktree: Path
    common_dir: Path
    worktree: Path
    index_file: Path | None = field(default=None)

    @classmethod
    def discover(cls, path: Path) -> Repository:
        """The repository that `path` (a folder) lies in.

        Pops `GIT_*` from this process's environment first; so the first call in a process sees a hook's `GIT_INDEX_FILE`.
        Raises UsageError outside git, in a bare repository and in a path of several lines, GitFailed when git refuses (dubious ownership).
        """
        index_file = scrub(os.environ).get("GIT_INDEX_FILE")
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder", "name a folder inside a git repository")
        require_one_line(str(path.resolve()))
        answer = run_git(path, ["rev-parse", "--path-format=absolute", "--git-common-dir", "--git-dir", "--show-toplevel"], (0, 128))
        lines = os.fsdecode(answer.out).split("\n")[:-1]
        if len(lines) < 2:
            raise _not_found(path, answer)
        common_dir, git_dir = Path(lines[0]).resolve(), Path(lines[1]).resolve()
        here = Path(lines[2]).resolve() if len(lines) > 2 else None
        main = here if here and git_dir == common_dir else _main_worktree(path, common_dir)
        worktree = here or main
        require_one_line(str(main), str(common_dir), str(worktree))
        return cls(main, common_dir, worktree, worktree / index_file if index_file else None)

    def head(self, worktree: Path | None = None) -> Head:
        """Commit and branch of the HEAD of `worktree` (the main one without)."""
        answer = ask(worktree or self.main_worktree, ["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"], allowed=(0, 128))
        lines = os.fsdecode(answer.out).split()
        if answer.status == 0 and len(lines) == 2:
            return Head(lines[0], lines[1] if lines[1] != "HEAD" else None)
        # No commit yet, or a branch that is itself called HEAD: two questions that both can answer.
        ref = os.fsdecode(ask(worktree or self.main_worktree, ["symbolic-ref", "--quiet", "HEAD"], allowed=(0, 1)).out).strip()
        return Head(self.resolve(ref) if ref else None, ref or None)

    def resolve(self, ref: str) -> str | None:
        """The commit that a full ref name (`refs/heads/main`), or HEAD, stands for; None when there is no such ref.

        Short names are refused: what `main` means changes with the refs that somebody pushes.
        """
        if ref == "HEAD":
            return self.head().commit
        if not is_full_ref(ref):
            raise UsageError(f"{ref!r} is not a full ref name", "write HEAD or a full name such as refs/remotes/origin/main")
        answer = ask(self.main_worktree, ["show-ref", "--verify", "--hash", "--dereference", ref], allowed=(0, 1, 128))
        if answer.status == 0:
            return os.fsdecode(answer.out).splitlines()[-1].split()[0]  # an annotated tag prints itself first, then its commit
        if "not a valid ref" in answer.error or not answer.error:
            return None
        raise failed(self.main_worktree, answer)

    def commit_of(self, revision: str) -> str | None:
        """The commit that a person means by a name, as git reads it (`main`, `HEAD~2`, a shortened id); None when there is none here.

        For what somebody types for one look. What decides what runs is a full name: see `resolve`.
        """
        command = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
        answer = ask(self.worktree, command, allowed=(0, 1, 128))
        return os.fsdecode(answer.out).strip() if answer.status == 0 else None

    def merge_base(self, one: str, other: str) -> str | None:
        """The commit that two commits (ids) have grown from; None when there is none here: a shallow clone ends before it."""
        answer = ask(self.main_worktree, ["merge-base", one, other], allowed=(0, 1, 128))
        return os.fsdecode(answer.out).split()[0] if answer.status == 0 else None

    def is_shallow(self) -> bool:
        """Whether the history that is here has been cut off."""
        return (self.common_dir / "shallow").is_file()

    def entries(self, commit: str, paths: Sequence[str]) -> dict[str, Entry]:
        """What `commit` holds at `paths`, and on the way to them; a path that ends in `/` means the folder's direct children."""
        records = _records(ask(self.main_worktree, ["ls-tree", "-z", "-t", "--full-tree", commit, "--", *paths]).out)
        return {path: (mode, oid) for path, (mode, _kind, oid) in records}

    def index_entries(self, paths: Sequence[str]) -> dict[str, Entry]:
        """What is staged at or below `paths`, in the index of `worktree` or the hook's own; unmerged paths are left out."""
        extra = {"GIT_INDEX_FILE": str(self.index_file)} if self.index_file else {}
        records = _records(ask(self.worktree, ["ls-files", "-z", "--stage", "--", *paths], environment=extra).out)
        return {path: (mode, oid) for path, (mode, oid, stage) in records if stage == "0"}

    def unmerged(self, paths: Sequence[str]) -> list[str]:
        """What at or below `paths` waits in the index for somebody to merge it, sorted; the index is that of `index_entries`."""
        extra = {"GIT_INDEX_FILE": str(self.index_file)} if self.index_file else {}
        records = _records(ask(self.worktree, ["ls-files", "-z", "--unmerged", "--", *paths], environment=extra).out)
        return sorted({path for path, _ in records})

    def sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """The size in bytes of each blob; GitFailed when one is missing here (a partial clone) or is no blob."""
        out = ask(self.main_worktree, ["cat-file", "--batch-check"], stdin=_lines(oids)).out
        headers = (_blob_header(line, self.common_dir) for line in out.splitlines())
        return dict(headers)

    def blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        """The content of each blob, all of them by one process; GitFailed as for `sizes`."""
        out = ask(self.main_worktree, ["cat-file", "--batch"], stdin=_lines(oids)).out
        found, position = {}, 0
        while position < len(out):
            start = out.index(b"\n", position) + 1
            oid, size = _blob_header(out[position : start - 1], self.common_dir)
            position = start + size + 1
            found[oid] = out[start : position - 1]
        return found

    def is_dirty(self, worktree: Path | None = None, *, untracked: bool = False) -> bool:
        """Whether `worktree` (the main one without) differs from its HEAD; files that git ignores never count.

        Untracked files count only when asked, as in `git describe --dirty`. No filter runs: a file whose driver would have
        hidden a difference (git-lfs), and whose time stamp changed, counts as changed.
        """
        place = worktree or self.main_worktree
        files = "--untracked-files=normal" if untracked else "--untracked-files=no"
        return bool(ask(place, ["status", "--porcelain=v1", "-z", files, "--ignore-submodules=dirty"], filters=False).out)

    def changed_files(self, worktree: Path) -> tuple[str, ...]:
        """The paths in which `worktree` differs from its HEAD, and every untracked file; not what git ignores. As in `is_dirty`."""
        command = ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"]
        out = os.fsdecode(ask(worktree, command, filters=False).out)
        return tuple(record[len("XY ") :] for record in out.split("\0") if record)

    def worktrees(self) -> tuple[Worktree, ...]:
        """All worktrees, the main one first."""
        return _worktrees(ask(self.main_worktree, ["worktree", "list", "--porcelain", "-z"]).out)

    def config(self, key: str, *, path: bool = False) -> str | None:
        """The repository's or user's value of a setting (the last one given), never one of ours; None when it isn't set.

        With `path`, a leading `~` is expanded as git does.
        """
        kind = ["--type=path"] if path else []
        out = os.fsdecode(ask(self.main_worktree, ["config", "--show-scope", "-z", *kind, "--get-all", key], allowed=(0, 1)).out)
        fields = out.split("\0")
        values = [value for scope, value in zip(fields[::2], fields[1::2], strict=False) if scope != "command"]
        return values[-1] if values else None

    def identity(self) -> str:
        """What tells this repository from another on every host: the origin's address, else the main worktree's folder name."""
        return self.config("remote.origin.url") or self.main_worktree.name

    def hooks_dir(self) -> Path:
        """Where git looks for this repository's hooks; `core.hooksPath` is respected."""
        chosen = self.config("core.hooksPath", path=True)
        return self.main_worktree / chosen if chosen else self.common_dir / "hooks"

    def watch_files(self, *refs: str) -> tuple[Path, ...]:
        """The files one of which changes whenever HEAD or one of the full ref names may have moved: a hint, never an answer.

        HEAD moves with its branch: pass `head().ref` too. No question to git.
        """
        return tuple(self.common_dir / name for name in ("HEAD", "logs/HEAD", "packed-refs", "reftable/tables.list", *refs))

    def stage(self, paths: Sequence[str]) -> None:
        """Put these paths of `worktree`, as they are on disk, into what the next commit takes. Raises GitFailed."""
        ask(self.worktree, ["add", "--all", "--", *paths], filters=False, timeout_s=COMMIT_TIMEOUT_S)

    def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit just these paths of `worktree` as they are on disk, whatever else is staged; return the new commit's id.

        Runs no hooks and signs nothing: the caller has checked the definitions, and the repository's programs are not ours to
        start. Raises GitFailed with git's words (nothing to commit, no user name).
        """
        self.stage(paths)
        command = ["commit", "--quiet", "--no-verify", "--message", message, "--only", "--", *paths]
        ask(self.worktree, command, filters=False, timeout_s=COMMIT_TIMEOUT_S)
        return os.fsdecode(ask(self.worktree, ["rev-parse", "HEAD"]).out).strip()


def _records(out: bytes) -> Iterator[tuple[str, list[str]]]:
    for record in os.fsdecode(out).split("\0")[:-1]:
        fields, path = record.split("\t", 1)
        yield path, fields.split(" ")


def _lines(oids: Iterable[str]) -> bytes:
    return "".join(f"{oid}\n" for oid in dict.fromkeys(oids)).encode("ascii")


def _blob_header(line: bytes, common_dir: Path) -> tuple[str, int]:
    oid, kind, *size = line.decode("ascii").split(" ")
    if kind == "missing":
        raise GitFailed(f"object {oid} is missing from {common_dir}", "fetch it first (git fetch, git checkout): octojobs never fetches")
    if kind != "blob":
        raise GitFailed(f"object {oid} is a {kind}, not a file")
    return oid, int(size[0])


def _main_worktree(path: Path, common_dir: Path) -> Path:
    """The main worktree, asked from a linked one or from inside the git folder."""
    first = _worktrees(run_git(path, ["worktree", "list", "--porcelain", "-z"]).out)[0]
    if first.bare:
        raise UsageError(
            f"{common_dir} is a bare repository: it has no main working tree for jobs to run in", "run octojobs in a clone of it"
        )
    if first.path.resolve() != common_dir and first.path.is_dir():
        return first.path.resolve()
    # A submodule, or a git folder that was moved away: git lists the git folder itself; core.worktree knows better.
    chosen = run_git(common_dir, ["config", "--type=path", "--get", "core.worktree"], (0, 1)).out
    place = (common_dir / os.fsdecode(chosen).rstrip("\n")).resolve()
    if not chosen or not place.is_dir():
        raise UsageError(f"the main working tree of {common_dir} can't be told from here", "run octojobs in the main working tree")
    return place


def _worktrees(listing: bytes) -> tuple[Worktree, ...]:
    records = (dict(line.partition(" ")[::2] for line in record.split("\0") if line) for record in os.fsdecode(listing).split("\0\0"))
    return tuple(
        Worktree(Path(said["worktree"]), said.get("HEAD"), said.get("branch"), "bare" in said, said.get("locked"), said.get("prunable"))
        for said in records
        if said
    )


def _not_found(path: Path, answer: Answer) -> OctojobsError:
    if "not a git repository" in answer.error:
        return UsageError(f"{path} is not inside a git repository", "run octojobs inside one, or `git init` first")
    return failed(path, answer)
