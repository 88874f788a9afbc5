"""Where jobs run: the repository (or the folder, outside git) with its state, as the engine needs to know it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from octojobs.engine.clock import Clock
from octojobs.errors import OctojobsError
from octojobs.facts.memory import Memory
from octojobs.repository import Repository
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths

log = logging.getLogger("octojobs.ground")

DIRTY_FRESH_S = 5.0
"""How old the answer to "is the worktree dirty" may be: the question costs a walk of the tree."""

REFRESH_S = 3.0
"""How long before that it is asked for again when something is about to start: the loop looks ahead every second or two."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What a run is started on: the commit of the main worktree ("" outside git), and whether the tree differs from it."""

    commit: str = ""
    dirty: bool = False


@dataclass(slots=True)
class Ground:
    """The folder that jobs run in, its state folder, and the salt that spreads its jitter.

    `repository` is None where a caller of the Python API runs jobs outside git. `memory` is what guards need not ask twice.
    """

    root: Path
    paths: StatePaths
    clock: Clock
    environ: Mapping[str, str]
    salt: str = ""
    repository: Repository | None = None
    memory: Memory = field(default_factory=Memory)
    _revision: Revision = Revision()
    _revision_at: float | None = None

    def revision(self) -> Revision:
        """The commit and dirtiness to record with a start, at most DIRTY_FRESH_S old."""
        if self.repository is None:
            return Revision()
        now = self.clock.monotonic()
        if self._revision_at is None or now - self._revision_at > DIRTY_FRESH_S:
            self._revision_at = now
            try:
                self._revision = Revision(self.repository.head().commit or "", self.repository.is_dirty())
            except OctojobsError as refused:
                # git is busy, broken or gone: the run starts all the same, and its record says that the commit is not known.
                log.warning("the commit of the next starts is not known: %s", refused)
                self._revision = Revision()
        return self._revision

    def refresh_revision(self) -> None:
        """Ask now if the answer will be too old in the next seconds: a start should not have to wait for git."""
        if self._revision_at is not None and self.clock.monotonic() - self._revision_at > DIRTY_FRESH_S - REFRESH_S:
            self._revision_at = None
        self.revision()

    def forget_revision(self) -> None:
        """HEAD moved: the next start asks git again."""
        self._revision_at = None
