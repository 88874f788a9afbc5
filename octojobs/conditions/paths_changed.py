"""`paths_changed`: files that the patterns mean differ from those of the job's last success, or of another ref."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment
from octojobs.conditions.ref_args import before, since_problems
from octojobs.core.globs import matching
from octojobs.core.guards import Status, Verdict
from octojobs.facts.fact import FactKey, one_line
from octojobs.facts.git import SHORT, Changes

MOST = 3  # paths named in one line of evidence; the rest are counted


def check_args(args: Args) -> list[str]:
    """`paths` is a list of patterns, one at least that takes paths in."""
    problems = since_problems(args, "paths")
    paths = args.get("paths", ["**"])
    if not isinstance(paths, (list, tuple)) or not all(isinstance(one, str) and one for one in paths):
        problems.append("paths: a list of patterns such as src/**")
    elif all(one.startswith("!") for one in paths):
        problems.append("paths: one pattern at least that does not begin with !")
    return problems


def judge(args: Args, changes: Changes, _: Moment) -> Verdict:
    """With nothing to compare with, everything counts as changed: a job that never succeeded, a commit that is gone."""
    holds, words = _decide(args, changes)
    return Verdict(Status.PASSED if holds else Status.FAILED, words, seen={args["ref"]: changes.commit})


def _decide(args: Args, changes: Changes) -> tuple[bool, str]:
    since = changes.before[:SHORT]
    if changes.gone:
        return True, f"commit {since} of the last success is no longer in the repository: everything counts as changed"
    if changes.paths is None:
        return True, f"no successful run has looked at {args['ref']} yet"
    if not changes.paths:
        return False, f"nothing changed since {since}"
    found = matching(changes.paths, args["paths"])
    if not found:
        return False, f"{_counted(len(changes.paths))} changed since {since}, none of {', '.join(args['paths'])}"
    named = ", ".join(one_line(path, 80) for path in found[:MOST])
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return True, f"{_counted(len(found))} changed since {since}: {named}{more}"


def _counted(number: int) -> str:
    return f"{number} path{'' if number == 1 else 's'}"


def _key(args: Args, moment: Moment) -> FactKey:
    return FactKey("changes", (args["ref"], *before(args, moment)))


PATHS_CHANGED = ConditionType("paths_changed", "files that the patterns mean have changed", check_args, _key, judge)
