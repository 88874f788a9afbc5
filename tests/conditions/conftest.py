"""A repository for each test of a guard."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import make_repository


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A git repository with one commit on main."""
    return make_repository(tmp_path, {"readme.txt": "hello\n"})
