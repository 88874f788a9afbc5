"""Sets a damaged SQLite file aside: it keeps what can still be read of it, and a new one can be made in its place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path


def set_aside(path: Path, now: datetime) -> Path:
    """Give the file another name, and its logs with it; the new name. Raises OSError."""
    aside = path.with_name(f"quarantine-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{path.name}")
    while aside.exists():
        aside = aside.with_name(f"{aside.name}~")
    for end in ("-wal", "-shm", ""):
        if (one := path.with_name(path.name + end)).exists():
            one.rename(aside.with_name(aside.name + end))
    return aside
