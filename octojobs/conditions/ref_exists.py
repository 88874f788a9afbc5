"""`ref_exists`: there is a ref of that name, or one that a pattern means."""

from __future__ import annotations

from fnmatch import fnmatchcase

from octojobs.commits import Refs
from octojobs.conditions.base import Args, ConditionType, Moment, expect, unknown, verdict
from octojobs.conditions.ref_args import ref_problems
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey, one_line
from octojobs.facts.git import SHORT


def check_args(args: Args) -> list[str]:
    """`ref` is a full name or a pattern of some."""
    return expect(args, ["ref"]) + ref_problems(args, "ref")


def judge(args: Args, refs: Refs, _: Moment) -> Verdict:
    """`*` matches a slash too. A ref that git can't read may be the one."""
    wanted = args["ref"]
    found = next((ref for ref in refs.commits if fnmatchcase(ref, wanted)), None)
    if found is not None:
        return verdict(True, f"{one_line(found)} is at {refs.commits[found][:SHORT]}")
    broken = next((ref for ref in sorted(refs.broken) if fnmatchcase(ref, wanted)), None)
    return unknown(f"{one_line(broken)} is broken: git can't read it") if broken else verdict(False, f"there is no {wanted}")


REF_EXISTS = ConditionType("ref_exists", "there is such a ref", check_args, lambda *_: FactKey("refs"), judge)
