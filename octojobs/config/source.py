"""Where definitions are read from: a commit, the working tree, or the index of a commit that is being made.

A source answers in two steps: `listing` says which files there are and what each contains, by blob id, and settles on that
answer; `read` then gives contents of exactly that answer, whatever happens to the repository meanwhile. So a listing that
equals the last one means that nothing has to be read, and a reader never mixes two commits.

A source is used by one thread at a time.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from octojobs.config.blob import blob_id
from octojobs.config.files import (
    FOLDER,
    JOBS_FOLDER,
    SETTINGS_FILE,
    checked,
    checked_jobs_file,
    folders,
    is_definition,
    no_file,
    no_folder,
    too_large,
    unreadable,
)
from octojobs.config.limits import MAX_BYTES
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import InvalidDefinitions, OctojobsError, Problem, UsageError
from octojobs.repository import Repository

WORKTREE = "worktree"
INDEX = "index"

SETTLE_S = 0.02
"""Between two readings of the working tree that must agree: a program that replaces a file in place is done by then."""
SETTLE_TIMES = 50


class Source(Protocol):
    """Where definitions come from; `name` is a full commit id, `worktree` or `index`, valid after `listing`.

    `jobs_file` may be set to what the settings name, when `follows_settings`: nobody chose another on the command line.
    """

    name: str
    jobs_file: str
    follows_settings: bool

    def listing(self) -> Mapping[str, str]:
        """The definition files: path to blob id, sorted by path; empty when there are none.

        Raises InvalidDefinitions (a link, a submodule, too large) and other OctojobsErrors (no commit yet, git fails).
        """

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The contents of files of the last listing."""

    def watch_files(self) -> tuple[Path, ...]:
        """The files one of which changes whenever the listing may have changed, as far as is known by now."""


class CommitSource:
    """The commit that a full ref name, or the main worktree's HEAD, stands for at each listing."""

    def __init__(self, repository: Repository, ref: str = "HEAD", jobs_file: str | None = None) -> None:
        self.name = ""
        self.jobs_file = checked_jobs_file(jobs_file or JOBS_FILE)
        self.follows_settings = jobs_file is None
        self._repository = repository
        self._ref = ref
        self._branch: str | None = None
        self._listed: tuple[str, str, dict[str, str]] = ("", "", {})

    def listing(self) -> Mapping[str, str]:
        """As `Source.listing`; asks git for the tree only when the commit is another one than before."""
        if self._ref == "HEAD":
            head = self._repository.head()
            commit, self._branch = head.commit, head.ref
        else:
            commit, self._branch = self._repository.resolve(self._ref), self._ref
        if commit is None:
            raise self._nothing_there()
        self.name = commit
        if self._listed[:2] != (commit, self.jobs_file):
            entries = self._repository.entries(commit, (f"{FOLDER}/", f"{JOBS_FOLDER}/", *folders(self.jobs_file), self.jobs_file))
            self._listed = (commit, self.jobs_file, checked(entries, self.jobs_file))
        return self._listed[2]

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """As `Source.read`."""
        return _contents(self._repository, self._listed[2], paths)

    def watch_files(self) -> tuple[Path, ...]:
        """As `Source.watch_files`."""
        return self._repository.watch_files(*([self._branch] if self._branch else []))

    def _nothing_there(self) -> UsageError:
        root = self._repository.main_worktree
        if self._ref == "HEAD":
            fix = "commit .octopoid/jobs.yaml, or use --source worktree while developing"
            return UsageError(f"{root} has no commit yet, and definitions are read from a commit", fix)
        return UsageError(f"{root} has no {self._ref}", "fetch it, or name another --source: HEAD, a full ref name or worktree")


class IndexSource:
    """What is staged in the worktree that `repository` was discovered in, as a commit hook sees it."""

    def __init__(self, repository: Repository, jobs_file: str | None = None) -> None:
        self.name = INDEX
        self.jobs_file = checked_jobs_file(jobs_file or JOBS_FILE)
        self.follows_settings = jobs_file is None
        self._repository = repository
        self._listed: dict[str, str] = {}

    def listing(self) -> Mapping[str, str]:
        """As `Source.listing`."""
        self._listed = checked(self._repository.index_entries((*folders(self.jobs_file), self.jobs_file)), self.jobs_file)
        return self._listed

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """As `Source.read`."""
        return _contents(self._repository, self._listed, paths)

    def watch_files(self) -> tuple[Path, ...]:
        """None: the index is looked at once."""
        return ()


class WorktreeSource:
    """The files below `root` as they are saved: read again until two readings agree, so that no half-written file counts."""

    def __init__(self, root: Path, jobs_file: str | None = None) -> None:
        self.name = WORKTREE
        self.jobs_file = checked_jobs_file(jobs_file or JOBS_FILE)
        self.follows_settings = jobs_file is None
        self._root = root
        self._contents: dict[str, bytes] = {}
        self._listed: dict[str, str] = {}

    def listing(self) -> Mapping[str, str]:
        """As `Source.listing`; waits a few hundredths of a second when something changed, a second at most."""
        found = self._read_all()
        if found == self._contents:
            return self._listed
        pause = threading.Event()
        for _ in range(SETTLE_TIMES):
            pause.wait(SETTLE_S)
            before, found = found, self._read_all()
            if found == before:
                self._contents, self._listed = found, {path: blob_id(content) for path, content in found.items()}
                return self._listed
        raise OctojobsError(f"the files in {self._root / FOLDER} change faster than they can be read", "stop what writes them")

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """As `Source.read`."""
        return {path: self._contents[path] for path in paths}

    def watch_files(self) -> tuple[Path, ...]:
        """As `Source.watch_files`: the folders, for files that come, and the files, for what is written into them."""
        return tuple(self._root / path for path in dict.fromkeys((FOLDER, JOBS_FOLDER, SETTINGS_FILE, self.jobs_file, *self._listed)))

    def _read_all(self) -> dict[str, bytes]:
        contents, problems = {}, [problem for folder in folders(self.jobs_file) if (problem := self._link(folder))]
        for path in self._paths() if not problems else ():
            found = self._read(path)
            if isinstance(found, Problem):
                problems.append(found)
            elif found is not None:
                contents[path] = found
        if problems:
            raise InvalidDefinitions(problems)
        return contents

    def _paths(self) -> list[str]:
        try:
            inside = [f"{JOBS_FOLDER}/{name}" for name in os.listdir(self._root / JOBS_FOLDER)]
        except FileNotFoundError:
            inside = []
        except OSError as error:
            raise InvalidDefinitions([unreadable(JOBS_FOLDER, error)]) from error
        return sorted({self.jobs_file, SETTINGS_FILE, *(path for path in inside if is_definition(path, self.jobs_file))})

    def _link(self, folder: str) -> Problem | None:
        try:
            kind = stat.S_IFMT(os.lstat(self._root / folder).st_mode)
        except FileNotFoundError:
            return None
        except OSError as error:
            return unreadable(folder, error)
        return None if kind == stat.S_IFDIR else no_folder(folder, kind)

    def _read(self, path: str) -> bytes | Problem | None:
        """The file's content, None when there is none, a problem for what is no plain file."""
        place = self._root / path
        try:
            # Not blocking, so that a named pipe of that name can't hold us; not following, so that a link is seen.
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            return no_file(path, stat.S_IFLNK) if place.is_symlink() else unreadable(path, error)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return no_file(path, stat.S_IFMT(status.st_mode))
            if status.st_size > MAX_BYTES:
                return too_large(path, status.st_size)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)


def _contents(repository: Repository, listing: Mapping[str, str], paths: Iterable[str]) -> dict[str, bytes]:
    wanted = {path: listing[path] for path in paths}
    if not wanted:
        return {}
    sizes = repository.sizes(wanted.values())
    problems = [too_large(path, sizes[oid]) for path, oid in wanted.items() if sizes[oid] > MAX_BYTES]
    if problems:
        raise InvalidDefinitions(problems)
    blobs = repository.blobs(wanted.values())
    return {path: blobs[oid] for path, oid in wanted.items()}
