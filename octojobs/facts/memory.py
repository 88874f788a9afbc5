"""What outlives one look at the facts: answers that follow from what was asked alone, so that they never change."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import field
from typing import Any

from octojobs.slotted import dataclass

MOST = 512
"""Answers kept; more are a sign of refs that move all the time, and asking git again takes milliseconds."""


@dataclass(slots=True, eq=False)
class Memory:
    """A daemon has one for its lifetime; any thread may ask, and what two ask at once is asked twice.

    `ask` is for what is a function of its key: how two commits differ, by their ids. What can change belongs into the key,
    or into `FactContext.once`, which is forgotten with the look.
    """

    _answers: dict[Hashable, Any] = field(default_factory=dict)

    def ask(self, key: Hashable, answer: Callable[[], Any]) -> Any:
        """The answer that is known for the key, else what `answer` returns, which is kept; what it raises is not."""
        if key in self._answers:
            return self._answers[key]
        found = answer()
        if len(self._answers) >= MOST:
            self._answers.clear()
        self._answers[key] = found
        return found
