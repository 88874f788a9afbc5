"""What is handed to the launcher, and what comes back: a shim waiting at its gate, or the reason why there is none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from octojobs.core.job import Limits
from octojobs.core.run import Process


class NotPreparable(Exception):
    """The run's definition can't be carried out here (a missing secret); the message says why, for the history."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to run: exactly this environment, this folder, these limits.

    `secrets` names the variables whose values are masked in the stored output. The environment stays out of the
    repr, which finds its way into logs.
    """

    run_dir: Path
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    limits: Limits
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """No shim: the system had no room for it. Nothing ran, and nothing will."""

    launch: Launch
    reason: str


@dataclass(slots=True)
class Launched:
    """A shim that waits at its gate; nothing has run yet.

    `pidfd` becomes readable when the shim ends; None where there are no pidfds, or when it is gone already. It
    belongs to the caller, who closes it.
    """

    launch: Launch
    process: Process
    pidfd: int | None
    gate: int

    def open(self) -> None:
        """Let the shim run the job. A shim that was killed meanwhile is no error: its receipts will tell."""
        with suppress(OSError):
            os.write(self.gate, b"!")
        self._close()

    def abandon(self) -> None:
        """Close the gate unopened: the shim exits, and nothing has run."""
        self._close()

    def _close(self) -> None:
        gate, self.gate = self.gate, -1
        if gate >= 0:
            os.close(gate)
