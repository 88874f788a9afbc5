"""A world for each test."""

from tests.engine.place import place
from tests.engine.world import world

__all__ = ["place", "world"]
