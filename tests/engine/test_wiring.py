"""What is opened together is let go together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from octojobs.engine.ground import Ground
from octojobs.engine.running import Running
from octojobs.engine.wiring import open_engine
from octojobs.store.paths import StatePaths
from tests.fakes import FakeClock, StaticFeed


def test_an_engine_that_does_not_come_up_holds_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller of the Python API may try again in the same process."""
    ground = Ground(tmp_path, StatePaths(tmp_path / "state"), FakeClock(), dict(os.environ))

    def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Running, "adopt", refuse)
        with pytest.raises(OSError, match="Too many open files") as failed, open_engine(ground, StaticFeed(), role="up"):
            raise AssertionError("it came up")
    with open_engine(ground, StaticFeed(), role="up") as engine:
        engine.tick()
    assert failed.value.errno == 24
