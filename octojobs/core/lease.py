"""A lease: who holds what, bound to a process or to a term, and how that stands in a file.

`leases/NAME.json` in the state folder is one JSON object, put in place whole (written beside it, synced, renamed):

    v            1
    holder       who holds it, for people: "implementer-1", "ada", the id of a run
    task, name, branch, worktree, paths
                 what is held, any of them: a task's id, a name that was agreed on, a branch's full name, a worktree's real
                 path, a list of patterns of paths; none of them means "is at work here"
    pid, start_ticks, boot_id
                 the process that it is bound to, all three as in `core/run.py`, or none
    since        when it was taken, RFC 3339
    until        its term: when it ends by itself, RFC 3339

A process or a term must be there. With a process it holds exactly as long as that very process lives, whatever its term says:
a suspended laptop lets terms pass. Without one (the holder is in a container, or on another machine) it holds until its term
ends, and has to be renewed. A lease that no longer holds and still lies there was not handled: whoever expires leases looks for
a result first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from octojobs.core.codec import NotDecodable, format_instant, parse_instant
from octojobs.core.hold import may_meet
from octojobs.core.job import Hold
from octojobs.core.run import Process
from octojobs.slotted import dataclass

FORMAT = 1


class NotALease(ValueError):
    """What lies there is no lease that this version understands; the message says why, to follow the file's name."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease; `since` and `until` are aware UTC. Empty texts and None are what it does not say."""

    holder: str
    task: str = ""
    name: str = ""
    branch: str = ""
    worktree: str = ""
    paths: tuple[str, ...] = ()
    process: Process | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def what(self) -> str:
        """What is held, in words.

        >>> Lease("ada", task="7e0e8c52", branch="refs/heads/fix-1").what
        'task 7e0e8c52, branch fix-1'
        """
        held = {
            "task": self.task,
            "name": self.name,
            "branch": self.branch.removeprefix("refs/heads/"),
            "worktree": self.worktree,
            "paths": " ".join(self.paths),
        }
        return ", ".join(f"{kind} {value}" for kind, value in held.items() if value)

    def holds(self, now: datetime, *, alive: bool | None) -> bool | None:
        """Whether it holds at `now`; `alive` says whether its process is, None (then None is returned) when that can't be told."""
        if self.process is not None:
            return alive
        return self.until is not None and now < self.until


def to_json(lease: Lease) -> dict[str, Any]:
    """The object that stands in the file; what the lease does not say is left out."""
    process = lease.process
    said = {
        "holder": lease.holder,
        **{key: getattr(lease, key) for key in _TEXTS},
        "paths": list(lease.paths),
        **({"pid": process.pid, "start_ticks": process.start_ticks, "boot_id": process.boot_id} if process is not None else {}),
        "since": format_instant(lease.since) if lease.since is not None else "",
        "until": format_instant(lease.until) if lease.until is not None else "",
    }
    return {"v": FORMAT, **{key: value for key, value in said.items() if value not in ("", [])}}


def from_json(data: Any) -> Lease:
    """The lease that an object stands for; keys that this version does not know are left aside. Raises NotALease."""
    if not isinstance(data, dict) or not isinstance(data.get("holder"), str) or not data["holder"]:
        raise NotALease("names no holder")
    if data.get("v", FORMAT) != FORMAT:
        raise NotALease(f"is of format {data['v']}, and this version knows {FORMAT}")
    paths = data.get("paths") or []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise NotALease("holds paths that are no list of texts")
    texts = {key: _text(data, key) for key in _TEXTS}
    lease = Lease(data["holder"], **texts, paths=tuple(paths), process=_process(data), since=_at(data, "since"), until=_at(data, "until"))
    if lease.process is None and lease.until is None:
        raise NotALease("names neither a process nor a term")
    return lease


_TEXTS = ("task", "name", "branch", "worktree")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise NotALease(f"holds a {key} that is no text")
    return value or ""


def _process(data: Mapping[str, Any]) -> Process | None:
    pid, ticks, boot = data.get("pid"), data.get("start_ticks"), data.get("boot_id")
    if pid is None and ticks is None and boot is None:
        return None
    if type(pid) is int and type(ticks) is int and isinstance(boot, str) and pid > 0:
        return Process(pid, ticks, boot)
    raise NotALease("names a process without all of pid, start_ticks and boot_id")


def _at(data: Mapping[str, Any], key: str) -> datetime | None:
    if data.get(key) is None:
        return None
    try:
        return parse_instant(data[key])
    except NotDecodable as error:
        raise NotALease(f"has no instant in {key}: {error}") from None


def lease_of(hold: Hold, holder: str = "") -> Lease:
    """The hold as a lease of the holder, bound to nothing yet."""
    return Lease(holder, name=hold.name, branch=hold.branch, worktree=hold.worktree, paths=hold.paths)


def shared(one: Lease, other: Lease) -> str:
    """What of `other` is in the way of `one`, in words; empty when nothing is. Branches are in full, worktrees real paths.

    >>> shared(Lease("a", paths=("src/**",)), Lease("b", paths=("docs", "src/api/*.py")))
    'paths src/api/*.py'
    """
    for kind in ("task", "name", "branch", "worktree"):
        held = getattr(other, kind)
        if held and getattr(one, kind) == held:
            return Lease("", **{kind: held}).what
    for path in other.paths:
        if any(may_meet(path, wanted) for wanted in one.paths):
            return f"paths {path}"
    return ""
