"""Leases taken, renewed and given back, one at a time: what overlaps is never held twice.

Whoever takes one holds `leases.lock` for milliseconds: looks at every lease that is there, writes its own whole (beside its
place, synced, renamed), and then removes those of dead holders that were in its way. A crash at any point leaves a lease that
is bound to a dead process, or to a term. A lease that can't be understood may hold anything, and a holder of whom nobody can
tell whether it lives holds: unknown is never free.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from octojobs import platform
from octojobs.core.codec import format_instant
from octojobs.core.hold import InvalidHold, LeaseName, branch_of, run_of
from octojobs.core.lease import Lease, NotALease, from_json, shared, to_json
from octojobs.errors import OctojobsError
from octojobs.slotted import dataclass
from octojobs.store.access import storage_failed
from octojobs.store.atomic import remove_debris, replace_file, sync_folder
from octojobs.store.lock import holder
from octojobs.store.paths import FILE_MODE, StatePaths, make_folders

WAIT_S = 10.0
"""How long others may take: a change holds the lock for milliseconds, so whoever is in the way is stopped or stuck."""
_MOST_BYTES = 1_000_000
_SLUG = 40


@dataclass(frozen=True, slots=True)
class Kept:
    """A lease in its file. `lease` is None when it can't be understood, `holds` when nobody can tell; `problem` says why."""

    name: str
    lease: Lease | None
    holds: bool | None
    problem: str = ""

    @property
    def words(self) -> str:
        """Who holds it: `nightly@20261120T020000Z, pid 48213, since 2026-11-20T02:00:00Z`."""
        if self.lease is None:
            return ""
        parts = [self.lease.holder]
        if self.lease.process is not None:
            parts.append(f"pid {self.lease.process.pid}")
        if self.lease.since is not None:
            parts.append(f"since {format_instant(self.lease.since.replace(microsecond=0))}")
        if self.lease.until is not None and self.lease.process is None:
            parts.append(f"until {format_instant(self.lease.until.replace(microsecond=0))}")
        return ", ".join(parts)


CLAIM = "task-"
"""What the names of the queue's own leases begin with: `task-ID`."""


class LeaseHeld(OctojobsError):
    """Somebody else has it, or nobody can tell; `kept` is the lease that is in the way."""

    def __init__(self, kept: Kept, what: str, fix: str = "") -> None:
        super().__init__(what, fix)
        self.kept = kept


class Leases:
    """The leases of one repository. `wait_s` is how long a change waits for another one's.

    The lease of a run whose process is gone is in the hands of the daemon that will notice: a caller that is the daemon says with
    `is_open` which runs are not over, for any other one such a lease holds as long as a daemon lives.
    """

    def __init__(self, paths: StatePaths, root: Path, *, wait_s: float = WAIT_S, is_open: Callable[[str], bool] | None = None) -> None:
        self._paths = paths
        self._root = root
        self._wait_s = wait_s
        self._is_open = is_open

    def all(self, now: datetime) -> list[Kept]:
        """Every lease, by name; the worktrees are real paths, the branches full names. Raises StorageFailed."""
        return [kept for name in self._names() if (kept := self._read(name, now)) is not None]

    def _names(self) -> list[str]:
        try:
            names = sorted(os.listdir(self._paths.leases))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_failed("read", self._paths.leases, error) from None
        return [name.removesuffix(".json") for name in names if name.endswith(".json") and not name.startswith(".")]

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Nobody takes or gives back a lease meanwhile. Raises StorageFailed, and OctojobsError when another's change never ends."""
        with self._locked():
            yield

    def of_task(self, task: str, now: datetime) -> Kept | None:
        """The lease that somebody took by hand on the task, if it holds or nobody can tell; the queue's own is none."""
        own = f"{CLAIM}{task}"
        # Those of other tasks are not read: claims would take the longer the more of them there are.
        names = (name for name in self._names() if name != own and (not name.startswith(CLAIM) or name.startswith(own)))
        found = (self._read(name, now) for name in names)
        return next((kept for kept in found if kept and kept.lease and kept.lease.task == task and kept.holds is not False), None)

    def take(self, lease: Lease, now: datetime, *, renew: bool = False, name: LeaseName | None = None, dry_run: bool = False) -> Kept:
        """The lease, taken; `renew` gives what the same holder has already a new term instead. A run's has its own `name`.

        Raises LeaseHeld, and StorageFailed.
        """
        lease = replace(self.resolved(lease), since=now)
        with self._locked():
            there = self.all(now)
            is_open = self._is_open or _once(lambda: holder(self._paths) is not None)
            mine = [kept for kept in there if renew and kept.holds and kept.lease is not None and _same(kept.lease, lease)]
            stale = []
            for kept in there:
                if kept in mine or kept.name == name:
                    continue
                if not self._is_in_the_way(lease, kept):
                    continue
                if kept.holds is False and not (run_of(kept.name) and is_open(run_of(kept.name))):
                    stale.append(kept)
                else:
                    raise _held(lease, kept)
            if mine and mine[0].lease is not None:
                name, lease = LeaseName(mine[0].name), replace(lease, since=mine[0].lease.since)
            taken = Kept(name or _new_name(lease), lease, True)
            if not dry_run:
                self._put(taken.name, lease)
                for kept in stale:
                    if kept.lease is not None and kept.name != f"{CLAIM}{kept.lease.task}":  # the queue's: it looks for a result first
                        self._remove(kept.name)
        return taken

    def bind(self, name: LeaseName, lease: Lease) -> None:
        """Make a lease that the caller has say this. Raises StorageFailed."""
        with self._locked():
            self._put(name, self.resolved(lease))

    def give_back(self, name: LeaseName, now: datetime, *, dry_run: bool = False) -> Kept | None:
        """The lease that was there, removed; None when there is none of that name. Raises StorageFailed."""
        with self._locked():
            kept = self._read(name, now)
            if kept is not None and not dry_run:
                self._remove(name)
        return kept

    def sweep(self, now: datetime, *, dry_run: bool = False) -> list[Kept]:
        """Remove the leases that hold no more: of dead processes, and those whose term has ended; what was removed. Raises StorageFailed.

        A task's is left to the queue, which looks for a result first, a run's to the daemon that serves here, and one that can't
        be understood to a person.
        """
        with self._locked():
            is_open = self._is_open or _once(lambda: holder(self._paths) is not None)
            over = [
                kept
                for kept in self.all(now)
                if kept.holds is False
                and kept.lease is not None
                and kept.name != f"{CLAIM}{kept.lease.task}"
                and not (run_of(kept.name) and is_open(run_of(kept.name)))
            ]
            if not dry_run:
                for kept in over:
                    self._remove(kept.name)
        return over

    def resolved(self, lease: Lease) -> Lease:
        """The same with the worktree's real path and the branch's full name, by which two of them are compared."""
        branch, worktree = lease.branch, lease.worktree
        with suppress(InvalidHold):  # another program's, that is no branch: it is compared as it stands
            branch = branch_of(branch) if branch else ""
        return replace(lease, branch=branch, worktree=os.path.realpath(self._root / worktree) if worktree else "")

    @staticmethod
    def _is_in_the_way(lease: Lease, kept: Kept) -> bool:
        return kept.lease is None or bool(shared(lease, kept.lease))

    def _read(self, name: str, now: datetime) -> Kept | None:
        try:
            with (self._paths.leases / f"{name}.json").open("rb") as opened:
                data = opened.read(_MOST_BYTES)
            lease = from_json(json.loads(data))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except NotALease as error:
            return Kept(name, None, None, f"lease {name}.json {error}")
        except (ValueError, RecursionError):
            return Kept(name, None, None, f"lease {name}.json is not valid JSON")
        except OSError as error:
            return Kept(name, None, None, f"lease {name}.json can't be read: {(error.strerror or '').lower()}")
        try:
            alive = platform.lives(lease.process) if lease.process is not None else None
        except OSError:
            alive = None
        holds = lease.holds(now, alive=alive)
        pid = lease.process.pid if lease.process is not None else 0
        return Kept(name, self.resolved(lease), holds, f"whether process {pid} is alive can't be told" if holds is None else "")

    def _put(self, name: str, lease: Lease) -> None:
        path = self._paths.leases / f"{name}.json"
        try:
            platform.make_private_folders(path.parent)
            remove_debris(path.parent, shared=True)
            replace_file(path, json.dumps(to_json(lease), ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise storage_failed("write", path, error) from None

    def _remove(self, name: str) -> None:
        path = self._paths.leases / f"{name}.json"
        try:
            with suppress(FileNotFoundError):
                path.unlink()
                sync_folder(path.parent)
        except OSError as error:
            raise storage_failed("remove", path, error) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout  # lazily: 40 ms that a verb which only looks does not pay

        try:
            make_folders(self._paths)
            lock = FileLock(
                self._paths.leases_lock,
                mode=FILE_MODE,
                thread_local=False,
                poll_interval=0.005,
                fallback_to_soft=False,
                preserve_lock_file=True,
            )
            lock.acquire(timeout=self._wait_s)
        except Timeout:
            fix = "try again; `fuser` on leases.lock in the state folder names it if that does not help"
            raise OctojobsError("another process is changing leases and does not come to an end", fix) from None
        except OSError as error:
            raise storage_failed("use", error.filename or self._paths.root, error) from None
        try:
            yield
        finally:
            lock.release()


def _same(one: Lease, other: Lease) -> bool:
    """Whether the same holder holds the same."""
    return replace(one, process=None, since=None, until=None) == replace(other, process=None, since=None, until=None)


def _held(wanted: Lease, kept: Kept) -> LeaseHeld:
    if kept.lease is None:
        return LeaseHeld(kept, f"nobody can tell whether {wanted.what} is free: {kept.problem}", "mend the file, or remove it")
    unknown = f" ({kept.problem})" if kept.problem else ""
    return LeaseHeld(kept, f"{shared(wanted, kept.lease)} is held by {kept.words}{unknown}")


def _new_name(lease: Lease) -> LeaseName:
    """A name that no other lease had or will have: whoever gives it back later can't give back another's."""
    for kind in ("task", "name", "branch", "worktree", "paths"):
        held = getattr(lease, kind)
        if held:
            text = "" if kind == "paths" else str(held).removeprefix("refs/heads/").rpartition("/" if kind == "worktree" else "\0")[2]
            slug = "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "-" for char in text)[:_SLUG].strip("-.")
            return LeaseName("-".join(filter(None, (kind, slug, secrets.token_hex(4)))))
    return LeaseName(f"at-work-{secrets.token_hex(4)}")


def _once(ask: Callable[[], bool]) -> Callable[[str], bool]:
    """The answer to a question that is asked at most once; True where it can't be told."""
    told: list[bool] = []

    def answer(_: str) -> bool:
        if not told:
            try:
                told.append(ask())
            except OSError:
                told.append(True)
        return told[0]

    return answer
