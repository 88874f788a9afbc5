"""Where octojobs keeps what it writes: one folder, by default under the git common directory, for the user alone."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from octojobs.core.identity import JobId, RunId
from octojobs.platform import make_private_folders
from octojobs.slotted import dataclass

FOLDER_MODE = 0o700
FILE_MODE = 0o600
MADE_BY_US = ".octojobs"
"""Stands in `runs/`: whatever lies in a folder without it was made by somebody else, and is never pruned."""


@dataclass(frozen=True, slots=True)
class StatePaths:
    """The names of everything under the state folder `root`; naming a file makes nothing."""

    root: Path

    @property
    def state(self) -> Path:
        """The snapshot."""
        return self.root / "state.json"

    @property
    def backup(self) -> Path:
        """The snapshot before that."""
        return self.root / "state.json.bak"

    @property
    def journal(self) -> Path:
        """What happened since the snapshot."""
        return self.root / "journal.jsonl"

    @property
    def old_journal(self) -> Path:
        """What happened between the two snapshots."""
        return self.root / "journal.jsonl.bak"

    @property
    def daemon_lock(self) -> Path:
        """Locked by whoever writes the state; never renamed, never removed."""
        return self.root / "daemon.lock"

    @property
    def requests(self) -> Path:
        """The folder in which people and programs leave requests."""
        return self.root / "requests"

    @property
    def history(self) -> Path:
        """The folder of finished runs and non-runs, a file a day."""
        return self.root / "history"

    @property
    def index(self) -> Path:
        """The SQLite index of the history; derived, deleted at will."""
        return self.root / "history.sqlite"

    @property
    def runs(self) -> Path:
        """The folder of what runs leave: output, receipts."""
        return self.root / "runs"

    @property
    def heartbeat(self) -> Path:
        """What a running daemon says of itself."""
        return self.root / "heartbeat.json"

    @property
    def leases(self) -> Path:
        """The folder of leases."""
        return self.root / "leases"

    @property
    def leases_lock(self) -> Path:
        """Locked by whoever takes a lease; never renamed, never removed."""
        return self.root / "leases.lock"

    @property
    def last_activity(self) -> Path:
        """Touched whenever something happened in the repository."""
        return self.root / "last_activity"

    @property
    def tasks(self) -> Path:
        """The SQLite record of all tasks: what `git clean` takes from the working tree comes back from here."""
        return self.root / "tasks.sqlite"

    @property
    def tasks_lock(self) -> Path:
        """Locked by whoever writes tasks; never renamed, never removed."""
        return self.root / "tasks.lock"

    @property
    def task_results(self) -> Path:
        """The folder in which those who work on tasks may leave their results."""
        return self.root / "task-results"

    @property
    def pruned(self) -> Path:
        """The day on which the history was pruned last."""
        return self.root / "pruned"

    @property
    def outbox(self) -> Path:
        """The SQLite file of what is to be told, until it is."""
        return self.root / "outbox.sqlite"

    @property
    def swept(self) -> Path:
        """The folder of the logs of worktrees that were removed."""
        return self.root / "swept"

    @property
    def worktrees(self) -> Path:
        """The folder of the worktrees that runs have to themselves."""
        return self.root / "worktrees"

    def agent_session(self, job: JobId) -> Path:
        """The file that says which session of its agent the job had last."""
        return self.root / "agents" / f"{job}.json"

    @property
    def patches(self) -> Path:
        """The folder of what runs in worktrees of their own have not committed."""
        return self.root / "patches"

    def patch(self, run: RunId, attempt: int) -> Path:
        """What an attempt has not committed."""
        return self.patches / f"{run}.{attempt}.patch"

    @property
    def worktrees_lock(self) -> Path:
        """Locked by whoever makes such a worktree; never renamed, never removed."""
        return self.root / "worktrees.lock"

    def home(self, job: JobId) -> Path:
        """The home folder that a job's agent has in its sandbox, where its sessions have to be found again."""
        return self.root / "homes" / job

    def job_state(self, job: JobId) -> Path:
        """The file in which a script job keeps its own state between runs."""
        return self.root / "jobs" / f"{job}.json"

    def run_dir(self, run: RunId, attempt: int) -> Path:
        """The folder of one attempt; attempts count from 1."""
        return _run_dir(self.root, run, attempt)


@lru_cache(maxsize=256)  # a run's folder is named at its start and at its end; parsing a path costs more than all else about it
def _run_dir(root: Path, run: RunId, attempt: int) -> Path:
    return Path(f"{root}/runs/{run.job}/{run}/{attempt}")


def make_folders(paths: StatePaths) -> bool:
    """Make the state folder and the folders in it, 0700; whether the state folder is new.

    A folder that is there is left as it is. Raises OSError, also where no file could be made in it.
    """
    is_new = not paths.root.exists()
    paths.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if not os.access(paths.root, os.W_OK | os.X_OK):
        # The journal, which is there, could still be written: the trouble would come with the first snapshot.
        number = errno.EROFS if os.statvfs(paths.root).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(number, os.strerror(number), str(paths.root))
    for folder in (paths.requests, paths.history):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    try:
        paths.runs.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        with os.scandir(paths.runs) as there:
            if next(there, None) is not None:
                return is_new
        # Whoever made it was killed before it was marked.
    os.close(os.open(paths.runs / MADE_BY_US, os.O_WRONLY | os.O_CREAT, FILE_MODE))
    return is_new


def make_run_folder(paths: StatePaths, run: RunId, attempt: int) -> Path:
    """Make the folder of an attempt, 0700, and return it; raises OSError. One that is there is left as it is.

    Before the start is on disk: a run that is recorded as started and has no folder may have run, and somebody removed it.
    """
    folder = paths.run_dir(run, attempt)
    of_run = os.path.dirname(folder)
    try:
        _make(of_run)
    except FileNotFoundError:  # the job's first run, or somebody has removed what was there
        if not paths.runs.exists():
            make_folders(paths)
        make_private_folders(os.path.dirname(of_run))
        _make(of_run)
    _make(folder)
    return folder


def _make(folder: str | Path) -> None:
    with suppress(FileExistsError):
        os.mkdir(folder, FOLDER_MODE)
