"""`ci_green`: all checks and statuses on GitHub of a commit are done, and none of them failed."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, unknown, verdict
from octojobs.conditions.github_words import as_of, some
from octojobs.core.guards import Verdict
from octojobs.facts.ci import Ci
from octojobs.facts.fact import FactKey
from octojobs.facts.git import SHORT, short


def check_args(args: Args) -> list[str]:
    """`ref` is a text."""
    problems = expect(args, ["ref"])
    ref = args.get("ref", "HEAD")
    return problems if isinstance(ref, str) and ref else [*problems, "ref: HEAD, the name of a branch, or a full ref name"]


def judge(args: Args, ci: Ci, moment: Moment) -> Verdict:
    """What still runs is not green; where nothing has reported, nobody can tell."""
    where = f"{short(args['ref'])}{f' at {ci.commit[:SHORT]}' if ci.commit else ''}"
    age = as_of(ci.at, moment)
    if ci.failed:
        return verdict(False, f"{where}: failed: {some(ci.failed)}{age}")
    if ci.pending:
        return verdict(False, f"{where}: not done yet: {some(ci.pending)}{age}")
    if not ci.total:
        return unknown(f"{where}: no check has reported{age}")
    if ci.total > len(ci.green):
        return unknown(f"{where}: {len(ci.green)} of {ci.total} checks were told, all of them green{age}")
    return verdict(True, f"{where}: {ci.total} check{'' if ci.total == 1 else 's'}, all of them green{age}")


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("ci", (args["ref"],))


CI_GREEN = ConditionType("ci_green", "all checks of the commit are green", check_args, _key, judge)
