"""What a run was worth: a no-op has changed nothing where a change was expected, and meets all else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.expect import Changes, Check, Expect, Worth, checks_of_changes, told, worth

CHANGED = Changes(("a.py", "docs/b.md"), ("c2", "c1"))


@pytest.mark.parametrize(
    ("expect", "changes", "met", "evidence"),
    [
        (Expect(files_changed=("**",)), CHANGED, True, "2 changed: a.py, docs/b.md"),
        (Expect(files_changed=("**",)), Changes(), False, "no file changed"),
        (Expect(files_changed=("docs", "!docs/b.md")), CHANGED, False, "no file of docs, !docs/b.md changed; 2 others: a.py, docs/b.md"),
        (Expect(files_changed=("docs",)), Changes(("a.py",)), False, "no file of docs changed; 1 other: a.py"),
        (Expect(files_changed=("**",)), Changes(tuple("abcde")), True, "5 changed: a, b, c and 2 more"),
        (Expect(commits=1), CHANGED, True, "2 commits"),
        (Expect(commits=3), CHANGED, False, "2 commits, and 3 are expected"),
        (Expect(commits=1), Changes(), False, "no commits, and 1 is expected"),
    ],
)
def test_a_change_is_told_with_what_was_seen(expect: Expect, changes: Changes, met: bool, evidence: str) -> None:
    """Who reads it knows what to look for."""
    (check,) = checks_of_changes(expect, changes)
    assert (check.met, check.evidence) == (met, evidence)


CHANGE = Expect(files_changed=("**",), commits=1, pr=True, command=("true",))


@pytest.mark.parametrize(
    ("changes", "unmet", "expected"),
    [
        (CHANGED, {}, Worth.DONE),
        (Changes(), {}, Worth.DONE),
        (Changes(), {"commits": False, "files_changed": False, "pr": False}, Worth.NO_OP),
        (Changes(), {"commits": False, "pr": None}, Worth.NO_OP),
        (Changes(), {"commits": False, "command": False}, Worth.UNVERIFIED),
        (CHANGED, {"pr": False}, Worth.UNVERIFIED),
        (CHANGED, {"pr": None}, Worth.UNVERIFIED),
        (Changes(("a",)), {"commits": False}, Worth.UNVERIFIED),
    ],
)
def test_a_run_is_done_or_a_no_op_or_unverified(changes: Changes, unmet: dict[str, bool | None], expected: Worth) -> None:
    """Half a change is none that anybody has verified, and what can't be told is not met."""
    checks = [Check(name, unmet.get(name, True), "seen") for name in ("files_changed", "commits", "pr", "command")]
    assert worth(CHANGE, changes, checks) is expected


def test_changes_that_nobody_can_tell_are_no_no_op() -> None:
    """A worktree that can't be read may have anything in it: that is no success."""
    assert worth(Expect(commits=1), None, [Check("commits", None, "seen")]) is Worth.UNVERIFIED


@given(st.lists(st.sampled_from([True, False, None])), st.booleans())
def test_nothing_is_done_while_an_expectation_is_open(met: list[bool | None], changed: bool) -> None:
    """Done means that all of them are met, and no other verdict does."""
    checks = [Check(name, one, "") for name, one in zip(("commits", "pr", "command", "json_schema"), met, strict=False)]
    found = worth(CHANGE, CHANGED if changed else Changes(), checks)
    assert (found is Worth.DONE) == all(check.met for check in checks)
    assert not (changed and found is Worth.NO_OP)


def test_what_is_not_met_is_told_in_one_line() -> None:
    """And what nobody could tell, as such."""
    checks = [Check("commits", True, "1 commit"), Check("command", False, "make exited with 2"), Check("pr", None, "gh is not installed")]
    assert told(checks) == "command: make exited with 2; pr can't be told: gh is not installed"
