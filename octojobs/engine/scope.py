"""What an engine may do: all that falls due, as the daemon does, or what somebody asked for and nothing else."""

from __future__ import annotations

from collections.abc import Collection

from octojobs.core.identity import RunId
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What this engine may do: `plan` due instants, and start any run or (`only`) the named ones.

    `only` may be a live set that the engine's thread changes between two ticks: other runs take none of its room then. Whether
    they will be in it `later` decides if a run whose guards pass gets its lease: for one that never starts, others would wait.
    """

    plan: bool = True
    only: Collection[RunId] | None = None
    later: bool = False


EVERYTHING = Scope()
