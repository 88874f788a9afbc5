"""Where the values of named secrets come from: the daemon's environment, else a file of the user's own.

The file is `$XDG_CONFIG_HOME/octojobs/secrets.env` (`~/.config/octojobs/secrets.env`): `NAME=value` a line, `#` begins
a comment line, matching quotes around a value are taken off, nothing is expanded. It is refused unless it belongs to
the user and nobody else can read it (mode 0600). Values reach the job's environment only: never argv, state or history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from octojobs.config.private import NotPrivate, config_folder, read_private
from octojobs.runners.base import NotPreparable
from octojobs.runners.shim.mask import Mask


def secrets_file(environ: Mapping[str, str]) -> Path:
    """The user's file of secrets, there or not."""
    return config_folder(environ) / "secrets.env"


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
        data = read_private(path)
    except NotPrivate as error:
        raise NotPreparable(str(error)) from None
    return parse(data.decode("utf-8", "surrogateescape")) if data is not None else {}


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
