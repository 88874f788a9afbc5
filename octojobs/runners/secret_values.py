"""Where the values of named secrets come from: the daemon's environment, else a file of the user's own.

The file is `$XDG_CONFIG_HOME/octojobs/secrets.env` (`~/.config/octojobs/secrets.env`): `NAME=value` a line, `#` begins
a comment line, matching quotes around a value are taken off, nothing is expanded. It is refused unless it belongs to
the user and nobody else can read it (mode 0600). Values reach the job's environment only: never argv, state or history.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from octojobs.runners.base import NotPreparable
from octojobs.runners.shim.mask import Mask

_MOST_BYTES = 1 << 20


def secrets_file(environ: Mapping[str, str]) -> Path:
    """The user's file of secrets, there or not."""
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return Path(config) / "octojobs" / "secrets.env"


def secret_values(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The value of each name; raises NotPreparable, naming all that are missing and where they were looked for."""
    found = {name: environ[name] for name in names if name in environ}
    wanted = [name for name in names if name not in found]
    if not wanted:
        return found
    path = secrets_file(environ)
    stored = _read(path)
    missing = [name for name in wanted if name not in stored]
    if missing:
        raise NotPreparable(
            f"secret {', '.join(missing)} is neither in the daemon's environment nor in {path}; "
            f"add the line {missing[0]}=… there (mode 0600), or export it and restart the daemon"
        )
    return found | {name: stored[name] for name in wanted}


def mask_of(names: Iterable[str], environ: Mapping[str, str]) -> tuple[Mask, list[str]]:
    """What hides the values of the named secrets as they are now, and the names of those that have none here any more."""
    found: dict[str, str] = {}
    unknown = []
    for name in names:
        try:
            found |= secret_values([name], environ)
        except NotPreparable:
            unknown.append(name)
    return Mask(list(found.values())), unknown


def _read(path: Path) -> dict[str, str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise NotPreparable(f"{path} can't be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        # The open file is asked, not the path: what is checked is what is read.
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
            raise NotPreparable(f"{path} is not used: others may read it, or it is not your own file; run: chmod 600 {path}")
        return parse(file.read(_MOST_BYTES).decode("utf-8", "surrogateescape"))


def parse(text: str) -> dict[str, str]:
    r"""The names and values of a secrets file; a line without `=` is left aside.

    >>> parse('# mine\nTOKEN=a=b\nKEY="two words"\nexport OLD=1\n')
    {'TOKEN': 'a=b', 'KEY': 'two words', 'OLD': '1'}
    """
    values = {}
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            value = value.strip()
            values[name.strip()] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return values
