"""A file that each message is appended to, a line of JSON each."""

from __future__ import annotations

import json
import os
from pathlib import Path

from octojobs.notify.failures import Unreachable
from octojobs.notify.parcel import Parcel
from octojobs.store.paths import FILE_MODE


def send(parcel: Parcel) -> None:
    """Append; the folder is made. Raises Unreachable when the disk refuses, or nobody reads what is a pipe.

    A disk that was full in the middle of a line has left the begin of it: the next one is a line of its own all the same.
    """
    path = parcel.root / parcel.channel.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, FILE_MODE)
        with os.fdopen(descriptor, "ab") as opened:
            opened.write((b"\n" if _is_torn(path, descriptor) else b"") + json.dumps(parcel.told).encode() + b"\n")
    except OSError as error:
        raise Unreachable(f"{path} can't be written: {error.strerror}") from None


def _is_torn(path: Path, descriptor: int) -> bool:
    """Whether the open file ends within a line."""
    size = os.fstat(descriptor).st_size  # 0 for what is no file
    if not size:
        return False
    with path.open("rb") as before:
        before.seek(size - 1)
        return before.read(1) != b"\n"
