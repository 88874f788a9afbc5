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
    (
        "conditions: [{queue_below: {state: ../x, max: 1}}]",
        ['1:76: job "a": conditions.queue_below.state: "../x" is not the name of a folder of tasks; write a state such as incoming'],
    ),
    ("conditions: [{queue_below: {state: incoming}}]", ['1:68: job "a": conditions.queue_below: "max" is missing; add `max:`']),
    ("conditions: [{load_below: 0}]", ['1:67: job "a": conditions.load_below: must be above 0; write a number such as 1.5']),
    (
        "conditions: [{load_below: {load: 1, per_core: 1}}]",
        ['1:67: job "a": conditions.load_below: load and per_core are given together; keep one of them'],
    ),
    (
        "conditions: [{disk_free: lots}]",
        ['1:66: job "a": conditions.disk_free: "lots" is not a size; write bytes, or a whole number with KB, MB, GB, such as 10MB'],
    ),
    (
        "conditions: [{network: 'https://github.com'}]",
        [
            (
                '1:64: job "a": conditions.network: "https://github.com" is not the name of a host; '
                "write a name such as github.com, without https://"
            )
        ],
    ),
    (
        "conditions: [{network: {host: a, port: 70000}}]",
        ['1:80: job "a": conditions.network.port: 70000 is too large; write 65535 or less'],
    ),
    ("conditions: [{lease_free: {}}]", ['1:67: job "a": conditions.lease_free: is empty; write a value or remove the field']),
    ("conditions: [{lease_free: {tusk: t}}]", ['1:68: job "a": conditions.lease_free: unknown field "tusk"; did you mean "task"?']),
    ("conditions: [worktrees_idle]", ['1:54: job "a": conditions: "worktrees_idle" needs to be told what; write {worktrees_idle: 10m}']),
    ("conditions: [budget_left]", ['1:54: job "a": conditions: "budget_left" needs to be told what; write {budget_left: {usd: 5}}']),
    ("conditions: [{budget_left: {of: all}}]", ['1:68: job "a": conditions.budget_left: says no amount; add `usd:` or `tokens:`']),
    (
        "conditions: [{budget_left: {usd: 0}}]",
        ['1:74: job "a": conditions.budget_left.usd: must be above 0; write what may be used, such as 5 or 0.50'],
    ),
    ("conditions: [{agent_slots_free: 0}]", ['1:73: job "a": conditions.agent_slots_free: 0 is too small; write 1 or more']),
]


@pytest.mark.parametrize(("fields", "messages"), [pytest.param(*case, id=case[0]) for case in WRONG])
def test_an_argument_of_a_guard_that_is_wrong_is_told(fields: str, messages: list[str]) -> None:
    """Whole messages, each with line and column."""
    assert problems(f"jobs: {{a: {{manual: true, command: make, {fields}}}}}") == messages
