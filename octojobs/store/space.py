"""How much room the disk of the state has left."""

from __future__ import annotations

import os

from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths

FULL_BYTES, FULL_FILES = 65_536, 8
"""Below this there is no room for a start: its record, a folder, a log and a result."""
SCARCE_BYTES, SCARCE_FILES = 100_000_000, 1_000
"""Below this a night of chatty jobs fills the disk: time to tell somebody."""


@dataclass(frozen=True, slots=True)
class Space:
    """What a user without privileges may still use; `files` is None on a file system that does not count them (btrfs)."""

    bytes: int
    files: int | None

    @property
    def is_full(self) -> bool:
        """Whether results and records can't be written any more."""
        return self.bytes < FULL_BYTES or (self.files is not None and self.files < FULL_FILES)

    @property
    def is_scarce(self) -> bool:
        """Whether it will soon be full."""
        return self.bytes < SCARCE_BYTES or (self.files is not None and self.files < SCARCE_FILES)

    def __str__(self) -> str:
        """In words.

        >>> str(Space(1_234_567_890, 400_000)), str(Space(99_000, None))
        ('1,234.6 MB and 400,000 files are free', '0.1 MB are free')
        """
        files = "" if self.files is None else f" and {self.files:,} files"
        return f"{self.bytes / 1e6:,.1f} MB{files} are free"


def space(paths: StatePaths) -> Space:
    """The room that is left where the state is, or will be. Raises OSError."""
    place = next(folder for folder in (paths.root, *paths.root.parents) if folder.exists())
    status = os.statvfs(place)
    return Space(status.f_bavail * status.f_frsize, status.f_favail if status.f_files else None)
