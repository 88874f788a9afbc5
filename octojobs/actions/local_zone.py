"""The name of the time zone that this machine's clocks on the wall show: what cron and launchd mean by a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from octojobs.core.zones import UnknownZone, zone

_UTC = ("Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "Universal", "Zulu", "UCT")
"""Other names of the zone that definitions are in by default."""


def local_zone(environ: Mapping[str, str], etc: Path = Path("/etc")) -> str:
    """The IANA name, from TZ, /etc/localtime or /etc/timezone; "UTC" when none of them names a zone."""
    for name in _candidates(environ, etc):
        try:
            found = zone(name).key
            return "UTC" if found in _UTC else found
        except UnknownZone:
            continue  # a copied file, a POSIX rule: the next one may have a name
    return "UTC"


def _candidates(environ: Mapping[str, str], etc: Path) -> Iterator[str]:
    yield environ.get("TZ", "").removeprefix(":").rpartition("zoneinfo/")[2]
    try:
        # the link itself, not what it ends at: Debian's zoneinfo/Europe/Berlin may lead on to another file
        yield os.readlink(etc / "localtime").rpartition("zoneinfo/")[2]
    except OSError:
        yield ""
    try:
        yield (etc / "timezone").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        yield ""
