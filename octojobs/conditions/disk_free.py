"""`disk_free`: so many bytes are free on the disk of the main worktree, or of another path."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_count, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey


def check_args(args: Args) -> list[str]:
    """`bytes` is a whole number, `path` a path."""
    problems = expect(args, ["bytes", "path"])
    if not is_count(args.get("bytes", 1), 1):
        problems.append("bytes: a whole number, 1 or more")
    path = args.get("path", ".")
    if not isinstance(path, str) or not path or "\0" in path:
        problems.append("path: a path, relative to the main worktree")
    return problems


def judge(args: Args, free: int, _: Moment) -> Verdict:
    """What is reserved for the system is not free."""
    return verdict(free >= args["bytes"], f"{in_words(free)} free on the disk of {args['path']}, {in_words(args['bytes'])} wanted")


def in_words(amount: int) -> str:
    """An amount of bytes as people read it.

    >>> in_words(12_345_678_901), in_words(5_000_000), in_words(17)
    ('12.3 GB', '5.0 MB', '17 bytes')
    """
    for name, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if amount >= size:
            return f"{amount / size:.1f} {name}"
    return f"{amount} bytes"


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("free_bytes", (args["path"],))


DISK_FREE = ConditionType("disk_free", "so much room is free on a disk", check_args, _key, judge)
