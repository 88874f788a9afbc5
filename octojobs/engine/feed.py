"""Where the engine's definitions come from: a repository that is followed, or the jobs of a Python program."""

from __future__ import annotations

from typing import Protocol

from octojobs.core.definitions import Definitions


class Feed(Protocol):
    """The definitions that are live."""

    def current(self) -> Definitions:
        """What is live now; cheap, the same object until something changed."""
        ...

    def check(self, *, ask: bool = False) -> bool:
        """Look whether something changed, by a few stats unless `ask`; True when `current` is another one now."""
        ...

    @property
    def note(self) -> str:
        """Why `current` is not what the source says (a broken file, a plan that waits for approval); empty when it is."""
        ...
