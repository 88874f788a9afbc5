"""The folder that a console script was called in, which may be gone."""

from __future__ import annotations

from pathlib import Path

from octojobs.errors import UsageError


def here() -> Path:
    """The current folder. Raises UsageError when somebody has removed it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current folder is gone", "go to one that is there, or name a repository with --repo") from None
