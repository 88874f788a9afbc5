"""What is wrong with the arguments of a guard is told where it stands, with the remedy."""

from __future__ import annotations

import pytest

from tests.config.loading import problems

WRONG = [
    (
        "conditions: [{ref_exists: main}]",
        [
            (
                '1:67: job "a": conditions.ref_exists: "main" is not a full ref name; '
                "write one such as refs/heads/main, or a pattern such as refs/tags/v*"
            )
        ],
    ),
    (
        "conditions: [{ref_changed: {ref: main}}]",
        ['1:74: job "a": conditions.ref_changed.ref: "main" is not a full ref name; write HEAD, or a full name such as refs/heads/main'],
    ),
    (
        "conditions: [{ref_changed: {since: last_succes}}]",
        [
            (
                '1:76: job "a": conditions.ref_changed.since: "last_succes" is not a full ref name; '
                "write last_success, or a full name such as refs/heads/main"
            )
        ],
    ),
    (
        "conditions: [paths_changed]",
        ['1:54: job "a": conditions: "paths_changed" needs to be told what; write {paths_changed: ["src/**"]}'],
    ),
    (
        "conditions: [{paths_changed: ['!src']}]",
        ['1:70: job "a": conditions.paths_changed: takes no path in; add a pattern without !, such as src/**'],
    ),
    (
        "conditions: [{paths_changed: {paths: [src, /etc]}}]",
        [
            (
                '1:84: job "a": conditions.paths_changed.paths: "/etc" is no pattern of paths in the repository; '
                "write it from the root on, such as src/**"
            )
        ],
    ),
    (
        "conditions: [{branch_merged: {branch: a..b}}]",
        ['1:79: job "a": conditions.branch_merged.branch: "a..b" is not the name of a branch; write a name such as main'],
    ),
    ("conditions: [{behind_upstream: -1}]", ['1:72: job "a": conditions.behind_upstream: -1 is too small; write 0 or more']),
]


@pytest.mark.parametrize(("fields", "messages"), [pytest.param(*case, id=case[0]) for case in WRONG])
def test_an_argument_of_a_guard_that_is_wrong_is_told(fields: str, messages: list[str]) -> None:
    """Whole messages, each with line and column."""
    assert problems(f"jobs: {{a: {{manual: true, command: make, {fields}}}}}") == messages
