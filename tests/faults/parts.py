"""The parts of the fault tests, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults import engine_model, kills
from tests.faults.tally import Scale, Step

PARTS: dict[str, Callable[[Scale], list[Step]]] = {
    "kills": kills.steps,
    "engine": engine_model.steps,
}
