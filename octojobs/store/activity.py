"""The activity record: a file whose time stamp says when somebody, or a run, last did something here."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime

from octojobs.store.paths import FILE_MODE, StatePaths


def touch_activity(paths: StatePaths, at: datetime | None = None) -> None:
    """Something happened at `at` (now): a run ended, a person asked for something. Best effort: a full disk stops nothing."""
    with suppress(OSError):
        descriptor = os.open(paths.last_activity, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            os.utime(descriptor, None if at is None else (at.timestamp(), at.timestamp()))
        finally:
            os.close(descriptor)
