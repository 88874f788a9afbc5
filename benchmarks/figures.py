"""What is measured, beside its bar: how a figure is printed, and how many numbers become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. `value` and `bar` are in words; `holds` is None where nothing was promised."""

    what: str
    value: str
    bar: str = ""
    holds: bool | None = None

    def __str__(self) -> str:
        verdict = "" if self.holds is None else "ok" if self.holds else "MISSED"
        return f"  {self.what:46} {self.value:36} {self.bar:32} {verdict}".rstrip()


def below(what: str, measured: float, bar: float, unit: str, note: str = "") -> Figure:
    """A figure that has to be under its bar, both in `unit`."""
    value = f"{measured:.3g} {unit}".rstrip() + (f"  {note}" if note else "")
    return Figure(what, value, f"< {bar:g} {unit}".rstrip(), measured < bar)


def percentile(numbers: Sequence[float], percent: float) -> float:
    """The smallest number that at least `percent` of the numbers don't exceed; of few numbers, the 99th is the largest."""
    return sorted(numbers)[max(0, math.ceil(len(numbers) * percent / 100) - 1)]
