"""`file_exists`: there is a file or folder at a path of the main worktree."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey


def check_args(args: Args) -> list[str]:
    """`path` is a text."""
    problems = expect(args, ["path"])
    path = args.get("path", ".")
    if not isinstance(path, str) or not path or "\0" in path:
        problems.append("path: a path, relative to the main worktree")
    return problems


def judge(args: Args, there: bool, _: Moment) -> Verdict:
    """Links are followed: one that leads nowhere is no file."""
    return verdict(there, f"{args['path']} {'is there' if there else 'is not there'}")


FILE_EXISTS = ConditionType(
    "file_exists", "there is a file or folder at the path", check_args, lambda args, _: FactKey("file", (args["path"],)), judge
)
