"""A world for each test."""

from tests.engine.world import world

__all__ = ["world"]
