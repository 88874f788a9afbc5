"""A place for tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Nothing is there yet."""
    return World.at(tmp_path)
