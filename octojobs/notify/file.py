"""A file that each message is appended to, a line of JSON each."""

from __future__ import annotations

import json
import os

from octojobs.notify.failures import Unreachable
from octojobs.notify.parcel import Parcel
from octojobs.store.paths import FILE_MODE


def send(parcel: Parcel) -> None:
    """Append; the folder is made. Raises Unreachable when the disk refuses."""
    path = parcel.root / parcel.channel.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        with os.fdopen(descriptor, "ab") as opened:
            opened.write(json.dumps(parcel.told).encode() + b"\n")
    except OSError as error:
        raise Unreachable(f"{path} can't be written: {error.strerror}") from None
