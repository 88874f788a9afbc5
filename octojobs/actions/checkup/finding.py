"""One thing that `doctor` looked at."""

from __future__ import annotations

from enum import StrEnum

from octojobs.slotted import dataclass
from octojobs.views.values import View


class Level(StrEnum):
    """How it is: as it should be, worth knowing, or to be mended."""

    OK = "ok"
    WEAK = "weak"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what was looked at, `what` how it is in words, `fix` the remedy ("" when it is ok)."""

    level: Level
    subject: str
    what: str
    fix: str = ""

    @property
    def view(self) -> View:
        """`level`, `subject`, `what`, `fix`."""
        return {"level": self.level.value, "subject": self.subject, "what": self.what, "fix": self.fix}


def ok(subject: str, what: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, subject, what)


def weak(subject: str, what: str, fix: str) -> Finding:
    """It works, and a person should know."""
    return Finding(Level.WEAK, subject, what, fix)


def wrong(subject: str, what: str, fix: str) -> Finding:
    """It does not work, or a promise does not hold."""
    return Finding(Level.WRONG, subject, what, fix)
