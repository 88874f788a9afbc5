"""Which variables of the daemon's environment every process that it starts may see."""

from __future__ import annotations

from collections.abc import Mapping

ALLOWED = frozenset({"PATH", "HOME", "LANG", "TZ", "TERM", "USER", "LOGNAME", "SHELL", "TMPDIR", "XDG_RUNTIME_DIR"})
"""An allow-list: what a shell has exported may hold secrets, and differs from one start of the daemon to the next."""


def narrowed(environ: Mapping[str, str]) -> dict[str, str]:
    """The allowed variables of an environment, and those of the locale.

    >>> narrowed({"PATH": "/bin", "LC_ALL": "C", "TOKEN": "x"})
    {'PATH': '/bin', 'LC_ALL': 'C'}
    """
    return {name: value for name, value in environ.items() if name in ALLOWED or name.startswith("LC_")}
