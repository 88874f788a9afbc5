"""Where an embedded scheduler works and keeps its state: inside git and outside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from octojobs.engine.clock import Clock
from octojobs.engine.ground import Ground
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.store.paths import StatePaths


def state_folder(jobs_dir: Path, environ: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/octojobs/schedulers/` and 16 hex digits of the SHA-256 of the real path of the folder of jobs.

    So the schedulers of one folder of jobs share one record, wherever they are started; the folder need not be there.
    """
    chosen = environ.get("XDG_STATE_HOME", "")
    home = Path(chosen) if os.path.isabs(chosen) else Path.home() / ".local/state"
    digest = hashlib.sha256(os.fsencode(os.path.realpath(jobs_dir))).hexdigest()[:16]
    return home / "octojobs/schedulers" / digest


def ground(root: Path, state_dir: Path, clock: Clock, environ: Mapping[str, str]) -> Ground:
    """The folder as the place where jobs run; with its git repository when it lies in one, for guards and records."""
    try:
        repository = Repository.discover(root)
        salt = repository.identity()
    except (OctojobsError, OSError):
        # no repository, a bare one, one that git refuses, or no git at all: jobs run all the same, git guards are unknown
        repository, salt = None, root.name
    return Ground(root, StatePaths(state_dir), clock, environ, salt, repository)
