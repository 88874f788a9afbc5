"""The parts of the fault tests, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults import arrivals, daemons, damage, definitions, disks, engine_model, injections, kills, processes, shortages, tasks, times
from tests.faults.tally import Scale, Step

PARTS: dict[str, Callable[[Scale], list[Step]]] = {
    "kills": kills.steps,
    "models": engine_model.steps,
    "injections": injections.steps,
    "damage": damage.steps,
    "disks": disks.steps,
    "times": times.steps,
    "processes": lambda scale: [*processes.steps(scale), *shortages.steps(scale)],
    "daemons": daemons.steps,
    "definitions": definitions.steps,
    "tasks": tasks.steps,
    "arrivals": arrivals.steps,
}
