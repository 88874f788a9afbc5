"""The world of `world.py` for every test here."""

from __future__ import annotations

from tests.agents.world import agents

__all__ = ["agents"]
