"""Which time zone data Python reads: the newer of the system's and the `tzdata` package's, chosen once, at start-up."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from pathlib import Path

from tzdata import IANA_VERSION  # type: ignore[import-untyped]  # the package ships no types

from octojobs.slotted import dataclass

_RELEASE = re.compile(r"\d{4}[a-z]+")


@dataclass(frozen=True, slots=True)
class ZoneData:
    """The releases that are there, such as `2025b` ("" for none that says so), and whether the system's is the one in use."""

    system: str
    package: str
    from_system: bool

    @property
    def used(self) -> str:
        """The release in use."""
        return self.system if self.from_system else self.package


@cache
def use_newest() -> ZoneData:
    """Make zoneinfo read the newer data from now on; the system's where they are equal.

    An old laptop has rules that changed since, and so has an old virtual environment on a fresh machine. Call it before the
    first zone is read: zoneinfo keeps those that it has.
    """
    system = next((found for root in zoneinfo.TZPATH if (found := _release_in(Path(root)))), "")
    data = ZoneData(system, IANA_VERSION, system >= IANA_VERSION)
    if not data.from_system:
        zoneinfo.reset_tzpath(())
    return data


def _release_in(root: Path) -> str:
    """The release of a folder of zones, from the first line of the file that tells it; "" when none does."""
    for name in ("tzdata.zi", "+VERSION"):
        try:
            with (root / name).open(encoding="utf-8", errors="replace") as file:
                found = _RELEASE.search(file.readline())
        except OSError:
            continue
        if found:
            return found[0]
    return ""
