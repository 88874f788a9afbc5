"""Where definitions are read from: a commit, the working tree, or the index of a commit that is being made.

A source answers in two steps: `listing` says which files there are and what each contains, by blob id, and settles on that
answer; `read` then gives contents of exactly that answer, whatever happens to the repository meanwhile. So a listing that
equals the last one means that nothing has to be read, and a reader never mixes two commits.

A source is used by one thread at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from octojobs.config.disk import read_folder
from octojobs.config.files import AGENT_FILE, FOLDER, JOBS_FOLDER, SETTINGS_FILE, checked, checked_jobs_file, folders, is_agent, too_large
from octojobs.config.limits import MAX_BYTES
from octojobs.core.agent_names import AGENTS_FOLDER
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import InvalidDefinitions, OctojobsError, UsageError
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
        commit, self._branch = self._resolve()
        if commit is None:
            raise self._nothing_there()
        self.name = commit
        if self._listed[:2] != (commit, self.jobs_file):
            self._listed = (commit, self.jobs_file, committed(self._repository, commit, self.jobs_file))
        return self._listed[2]

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """As `Source.read`."""
        return _contents(self._repository, self._listed[2], paths)

    def watch_files(self) -> tuple[Path, ...]:
        """As `Source.watch_files`."""
        return self._repository.watch_files(*([self._branch] if self._branch else []))

    def _resolve(self) -> tuple[str | None, str | None]:
        """The commit, and the full name of the ref that leads to it."""
        if self._ref == "HEAD":
            head = self._repository.head()
            return head.commit, head.ref
        return self._repository.resolve(self._ref), self._ref

    def _nothing_there(self) -> UsageError:
        root = self._repository.main_worktree
        if self._ref == "HEAD":
            fix = "commit .octopoid/jobs.yaml, or use --source worktree while developing"
            return UsageError(f"{root} has no commit yet, and definitions are read from a commit", fix)
        return UsageError(f"{root} has no {self._ref}", "fetch it, or name another --source: HEAD, a full ref name or worktree")


class PinnedSource(CommitSource):
    """One commit for ever, by its id."""

    def __init__(self, repository: Repository, commit: str, jobs_file: str | None = None) -> None:
        super().__init__(repository, commit, jobs_file)

    def _resolve(self) -> tuple[str | None, str | None]:
        return self._ref, None


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
        self._files: dict[str, tuple[str, bytes]] = {}

    def listing(self) -> Mapping[str, str]:
        """As `Source.listing`; waits a few hundredths of a second when something changed, a second at most."""
        found = self._read()
        if found != self._files:
            self._files = self._settled(found)
        return {path: oid for path, (oid, _) in self._files.items()}

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """As `Source.read`."""
        return {path: self._files[path][1] for path in paths}

    def watch_files(self) -> tuple[Path, ...]:
        """As `Source.watch_files`: the folders, for files that come, and the files, for what is written into them."""
        return tuple(self._root / path for path in dict.fromkeys((FOLDER, JOBS_FOLDER, SETTINGS_FILE, self.jobs_file, *self._files)))

    def _read(self) -> dict[str, tuple[str, bytes]]:
        return read_folder(self._root, self.jobs_file)[1]

    def _settled(self, found: dict[str, tuple[str, bytes]]) -> dict[str, tuple[str, bytes]]:
        pause = threading.Event()
        for _ in range(SETTLE_TIMES):
            pause.wait(SETTLE_S)
            before, found = found, self._read()
            if found == before:
                return found
        raise OctojobsError(f"the files in {self._root / FOLDER} change faster than they can be read", "stop what writes them")


def committed(repository: Repository, commit: str, jobs_file: str) -> dict[str, str]:
    """The definition files of a commit: path to blob id, sorted by path. Raises InvalidDefinitions as `checked` does, and GitFailed."""
    places = (f"{FOLDER}/", f"{JOBS_FOLDER}/", f"{AGENTS_FOLDER}/", *folders(jobs_file), jobs_file)
    entries = repository.entries(commit, places)
    agents = [f"{path}/{AGENT_FILE}" for path, (mode, _) in entries.items() if mode == "040000" and is_agent(f"{path}/{AGENT_FILE}")]
    if agents:
        entries |= repository.entries(commit, agents)
    return checked(entries, jobs_file)


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
