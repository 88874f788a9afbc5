"""What a daemon remembers between two looks, and within one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from octojobs.facts import memory
from octojobs.facts.fact import Unreadable
from octojobs.facts.memory import Memory
from tests.facts.world import context_of_folder


def test_an_answer_is_asked_for_once_until_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are forgotten then: a daemon does not grow."""
    monkeypatch.setattr(memory, "MOST", 2)
    asked: list[int] = []
    remembered = Memory()

    def tenfold(number: int) -> int:
        asked.append(number)
        return number * 10

    for number in (1, 1, 2, 1, 3, 1):
        assert remembered.ask(number, partial(tenfold, number)) == number * 10
    assert asked == [1, 2, 3, 1]


def test_a_refusal_is_not_remembered() -> None:
    """Git may have been busy."""
    remembered = Memory()

    def refuse() -> int:
        raise Unreadable("busy")

    with pytest.raises(Unreadable, match="busy"):
        remembered.ask("x", refuse)
    assert remembered.ask("x", lambda: 1) == 1


def test_one_look_finds_out_everything_once_refusals_too(tmp_path: Path) -> None:
    """Guards of one look agree with each other."""
    context, asked = context_of_folder(tmp_path), []

    def refuse() -> int:
        asked.append("x")
        raise Unreadable("busy")

    for _ in range(2):
        with pytest.raises(Unreadable, match="busy"):
            context.once("x", refuse)
    assert asked == ["x"]
