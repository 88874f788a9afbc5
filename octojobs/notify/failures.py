"""How a delivery can fail: for now, or for good."""

from __future__ import annotations


class Unreachable(Exception):
    """The channel did not take the message; it may take it later."""


class Refused(Exception):
    """The channel will not take this message, however often it is tried."""
