"""What a part of the fault tests did, how often, and what did not hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class CannotDo(Exception):
    """This machine lacks what the step needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: `long` for the counts of the page, else what a suite of tests has time for. `seed` begins all dice."""

    long: bool = False
    seed: int = 1

    def of(self, short: T, long: T) -> T:
        """The one or the other."""
        return long if self.long else short

    def dice(self, *salt: object) -> random.Random:
        """Dice that fall the same way for the same seed and salt."""
        return random.Random(f"{self.seed} {salt}")


@dataclass
class Tally:
    """The account of one step."""

    done: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def did(self, what: str, times: int = 1) -> None:
        """Something was done, so often."""
        self.done[what] += times

    def found(self, where: str, violations: Iterable[str]) -> None:
        """What did not hold; `where` says how to come there again."""
        self.violations += [f"{where}: {violation}" for violation in violations]

    def check(self, where: str, holds: bool, otherwise: str) -> None:
        """One thing that must hold."""
        if not holds:
            self.found(where, [otherwise])


Do = Callable[[Tally, Scale, Path], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to octojobs: `do` gets a folder of its own, and raises CannotDo where it can't be done."""

    name: str
    do: Do

    def run(self, scale: Scale, root: Path) -> Tally:
        """Do it in a new folder below `root`."""
        tally = Tally()
        folder = root / self.name.replace(" ", "-")
        folder.mkdir(parents=True)
        try:
            self.do(tally, scale, folder)
        except AssertionError as failure:  # it waited for something in vain
            tally.found("broken off", [str(failure)])
        return tally
