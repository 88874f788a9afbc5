"""`hold:` is checked when the definitions are loaded."""

from __future__ import annotations

import pytest

from tests.config.loading import problems

HOLDS: list[tuple[str, str]] = [
    ("{}", "hold: is empty; write a value or remove the field"),
    ("{tree: x}", 'hold: unknown field "tree"; did you mean "worktree"?'),
    ("{branch: a..b}", "hold.branch: 'a..b' is not a branch; write its name, such as main, or in full, refs/heads/main"),
    ("{name: a b}", "hold.name: 'a b' is not a name; write letters, digits, _ . @ + -, no sign first, 127 at most"),
    ("{paths: [../x]}", "hold.paths: '../x' is not a path in the repository; write it from the root on, such as src/** or docs/index.md"),
    ("{paths: ['!x']}", "hold.paths: '!x' leaves paths out, and a hold can't; name what is held, such as src/**"),
    (
        "{worktree: ~/x}",
        'hold.worktree: "~/x" begins with ~, which only a shell understands; write the path out, or one relative to the repository',
    ),
]


@pytest.mark.parametrize(("hold", "message"), HOLDS, ids=[hold for hold, _ in HOLDS])
def test_what_can_t_be_held_is_told(hold: str, message: str) -> None:
    """With what to write instead."""
    (problem,) = problems(f"jobs: {{a: {{manual: true, command: make, hold: {hold}}}}}")
    assert problem.partition('job "a": ')[2] == message
