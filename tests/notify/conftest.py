"""What the tests of several kinds of channels share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.world import world
from tests.notify.world import Receiver, receiving

__all__ = ["receiver", "world"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server for one test."""
    with receiving() as server:
        yield server
