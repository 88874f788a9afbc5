"""A world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An engine with a real store and real processes, closed at the end."""
    made = World(tmp_path)
    yield made
    made.close()
