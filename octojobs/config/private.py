"""Files of the user's own that hold secrets: they are read only where nobody else can read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from octojobs.errors import OctojobsError

_MOST_BYTES = 1 << 20


class NotPrivate(OctojobsError):
    """The file is not read: others may read it, or it can't be."""


def config_folder(environ: Mapping[str, str]) -> Path:
    """`$XDG_CONFIG_HOME/octojobs`, or below `~/.config`; there or not."""
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return Path(config) / "octojobs"


def read_private(path: Path) -> bytes | None:
    """The file's content, None where there is no file. Raises NotPrivate."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotPrivate(f"{path} can't be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        # The open file is asked, not the path: what is checked is what is read.
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
            raise NotPrivate(f"{path} is not used: others may read it, or it is not your own file", f"run: chmod 600 {path}")
        return file.read(_MOST_BYTES)
