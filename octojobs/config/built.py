"""What large files of jobs were built into, kept for the next process: 10,000 jobs are there in a fifth of the time.

The cache is the user's (`$XDG_CACHE_HOME/octojobs/definitions`), not the repository's: a folder that was copied with a repository
must not be able to say what a reviewed commit means. An entry is found by the content of the file, by what it inherits, and by
the code that built it, so it is right or it is not found; and it is JSON, which executes nothing. Whatever is wrong with the
cache makes it slower, never different, and so is no one's concern.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import octojobs
from octojobs.config.file import JobsFile, Placed
from octojobs.config.jobs import Defaults
from octojobs.config.references import Kind, Reference
from octojobs.core.job import Job
from octojobs.errors import Problem

WORTH_IT = 64 * 1024
"""Bytes of a file from which on reading it again takes longer than all else at the start."""
MOST_KEPT = 256
"""Entries, of about twice the size of their file; those that were used last stay."""
_ROOMS = ("config", "core")


class Built:
    """One folder of entries. All methods are quiet: what can't be read is not there, what can't be written is not kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> Built | None:
        """The user's own; None where there is no home for it."""
        home = environ.get("XDG_CACHE_HOME") or (f"{environ['HOME']}/.cache" if environ.get("HOME") else "")
        return cls(Path(home) / "octojobs" / "definitions") if os.path.isabs(home) else None

    def find(self, key: str, inherited: Defaults) -> JobsFile | None:
        """The file that was kept under this key."""
        path = self._folder / key
        try:
            with path.open("rb") as opened:
                status = os.fstat(opened.fileno())
                if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
                    return None
                found = _from_json(json.loads(opened.read()), inherited)
            os.utime(path)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found

    def keep(self, key: str, file: JobsFile, inherited: Defaults) -> None:
        """Keep a file that is right and has no defaults of its own, which hang on the text that they were read from."""
        if file.problems or file.defaults.entries != inherited.entries:
            return
        temporary = self._folder / f"{key}.{os.getpid()}"
        with suppress(OSError, TypeError, ValueError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as opened:
                opened.write(json.dumps(_to_json(file), separators=(",", ":")))  # ten times as quick as json.dump
            temporary.rename(self._folder / key)
            self._forget_old()
            return
        with suppress(OSError):
            temporary.unlink()

    def _forget_old(self) -> None:
        with os.scandir(self._folder) as entries:
            by_use = sorted(entries, key=lambda entry: entry.stat().st_mtime_ns)
        for entry in by_use[:-MOST_KEPT]:
            os.unlink(entry.path)


def key_of(path: str, blob: str, inherited: Defaults, stem: str | None) -> str:
    """The name of the entry: all that the jobs of a file follow from."""
    parts = (_code(), path, blob, inherited.timezone, json.dumps(dict(inherited.env)), inherited.content, stem)
    return sha256(json.dumps(parts).encode()).hexdigest()


@cache
def _code() -> str:
    """What tells one state of the code that builds jobs from another, in a checkout too."""
    package = Path(octojobs.__file__).parent
    stamps = [(path.name, path.stat().st_mtime_ns) for room in _ROOMS for path in sorted((package / room).glob("*.py"))]
    return f"{octojobs.__version__}{stamps}"


def _to_json(file: JobsFile) -> dict[str, Any]:
    from octojobs.core.codec import encode  # here: small files don't pay for it

    references = [
        (one.kind, one.name, one.job, *_place(one.place), one.args, one.at.isoformat() if one.at else None) for one in file.references
    ]
    return {
        "jobs": [encode(job) for job in file.jobs],
        "names": [tuple(placed) for placed in file.names],
        "references": references,
        "timezone": file.defaults.timezone,
    }


def _place(problem: Problem) -> tuple[str, int, int, str]:
    return problem.path, problem.line, problem.column, problem.what


def _from_json(data: dict[str, Any], inherited: Defaults) -> JobsFile:
    from octojobs.core.codec import decode  # as above

    references = tuple(
        Reference(Kind(kind), name, job, Problem(*place), args, datetime.fromisoformat(at) if at else None)
        for kind, name, job, *place, args, at in data["references"]
    )
    defaults = Defaults(data["timezone"], inherited.entries, inherited.env, inherited.content)
    names = tuple(Placed(*placed) for placed in data["names"])
    return JobsFile(tuple(decode(Job, job) for job in data["jobs"]), names, defaults, references, ())
