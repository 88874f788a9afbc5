"""Who may run jobs here: a repository that the user allowed, recorded in the user's own state folder, outside the repository.

A file in a repository decides what runs on this machine, so the first start asks. The record names the git folder by real
path, device and inode: another repository that appears at the same path is not the one that was allowed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from octojobs.config.replace import replace_file
from octojobs.core.codec import format_instant, parse_instant
from octojobs.errors import NotTrusted, OctojobsError
from octojobs.repository import Repository
from octojobs.slotted import dataclass

VERSION = 1


class Level(StrEnum):
    """What a changed definition needs before it runs."""

    REPOSITORY = "repository"
    """Nothing: any committed change runs."""
    PLAN = "plan"
    """`octojobs allow`, which shows the change; until then the last approved plan runs."""
    SIGNED = "signed"
    """Signatures of the user's own signers on the commits that touch it; without them, as at level `plan`."""

    @property
    def keeps_plan(self) -> bool:
        """Whether what was approved last is kept, and runs while a change waits."""
        return self is not Level.REPOSITORY


@dataclass(frozen=True, slots=True)
class Trust:
    """One allowed repository; `source` is what definitions are read from when nobody says otherwise, None for HEAD."""

    common_dir: Path
    device: int
    inode: int
    level: Level
    source: str | None
    allowed_at: datetime
    allowed_by: str


def trust_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where the records of this user are: `$XDG_STATE_HOME/octojobs/trust`, or below `~/.local/state`."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_STATE_HOME", "")
    # The XDG base directory specification: a relative path is invalid and ignored.
    home = Path(base) if os.path.isabs(base) else Path(environ.get("HOME") or Path.home()) / ".local/state"
    return home / "octojobs/trust"


def record_file(repository: Repository) -> Path:
    """The file of this repository's record, whether it is there or not."""
    return trust_folder() / f"{_key(repository)}.json"


def plan_file(repository: Repository) -> Path:
    """The file of this repository's approved plan (levels `plan` and `signed`), whether it is there or not."""
    return trust_folder() / f"{_key(repository)}.plan.json"


def allow(repository: Repository, level: Level = Level.REPOSITORY, *, now: datetime, by: str, source: str | None = None) -> Trust:
    """Record that the user allowed this repository; replaces an earlier record."""
    status = repository.common_dir.stat()
    trust = Trust(repository.common_dir, status.st_dev, status.st_ino, level, source, now, by)
    record = {
        "v": VERSION,
        "common_dir": os.fspath(trust.common_dir),
        "device": trust.device,
        "inode": trust.inode,
        "level": trust.level.value,
        "source": trust.source,
        "allowed_at": format_instant(trust.allowed_at),
        "allowed_by": trust.allowed_by,
    }
    write_private(record_file(repository), record)
    return trust


def deny(repository: Repository) -> bool:
    """Forget this repository and its approved plan; whether it had been allowed."""
    known = record_file(repository).exists()
    for file in (record_file(repository), plan_file(repository)):
        file.unlink(missing_ok=True)
    return known


def lookup(repository: Repository) -> Trust | None:
    """The record of this repository, None without one; NotTrusted when it speaks of another repository or can't be relied on."""
    file = record_file(repository)
    record = read_private(file)
    if record is None:
        return None
    try:
        trust = Trust(
            Path(record["common_dir"]),
            int(record["device"]),
            int(record["inode"]),
            Level(record["level"]),
            record["source"],
            parse_instant(record["allowed_at"]),
            str(record["allowed_by"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotTrusted(f"{file} is not a record of trust", "run `octojobs allow` again") from error
    status = repository.common_dir.stat()
    if (trust.device, trust.inode) != (status.st_dev, status.st_ino):
        since = format_instant(trust.allowed_at)
        what = f"the repository at {repository.main_worktree} is another one than the one that was allowed {since}"
        raise NotTrusted(what, "read what it would run (`octojobs allow --dry-run`), then `octojobs allow`")
    return trust


def require(repository: Repository) -> Trust:
    """The record of this repository; NotTrusted (exit code 4) when nobody has allowed it."""
    trust = lookup(repository)
    if trust is None:
        what = f"nobody has allowed {repository.main_worktree} to run jobs on this machine yet"
        raise NotTrusted(what, "read what it would run (`octojobs allow --dry-run`), then `octojobs allow`")
    return trust


def write_private(file: Path, record: Mapping[str, Any], fix: str = "make the folder writable, or set XDG_STATE_HOME") -> None:
    """Replace a JSON file that nobody but the user may read (0600, its folder 0700). OctojobsError, with the remedy, when it can't be."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(file, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode("utf-8"))
    except OSError as error:
        raise OctojobsError(f"{file} can't be written: {error.strerror}", fix) from error


def read_private(file: Path) -> dict[str, Any] | None:
    """A JSON file of the user's own, None without one; NotTrusted when others may write it, or it is damaged."""
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            data = opened.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotTrusted(f"{file} can't be read: {error.strerror}", "run `octojobs allow` again") from error
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise NotTrusted(f"{file} may be written by others, so it proves nothing", "remove it, then run `octojobs allow` again")
    try:
        record = json.loads(data)
    except ValueError as error:
        raise NotTrusted(f"{file} is damaged", "run `octojobs allow` again") from error
    if not isinstance(record, dict) or record.get("v") != VERSION:
        raise NotTrusted(f"{file} was not written by this version", "run `octojobs allow` again")
    return record


def _key(repository: Repository) -> str:
    return hashlib.sha256(os.fsencode(repository.common_dir)).hexdigest()[:32]
