"""Edits a definition file of the working tree: the result is checked as a whole before anything is written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from octojobs.config.blob import blob_id
from octojobs.config.contents import Contents
from octojobs.config.files import JOBS_FOLDER
from octojobs.config.loader import Loader
from octojobs.config.replace import replace_file
from octojobs.config.source import WorktreeSource
from octojobs.core.definitions import Definitions
from octojobs.errors import InvalidDefinitions, OctojobsError, UsageError
from octojobs.slotted import dataclass

Change = Callable[[str, str], str | None]
"""The file's text and its stem (for a file that may be one job, else "") to the new text; None removes the file."""

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Amendment:
    """One file before (None: it is new) and after (None: it goes), and what the working tree then declares."""

    path: str
    before: bytes | None
    after: bytes | None
    definitions: Definitions


def amend(root: Path, path: str, change: Change, loader: Loader, jobs_file: str | None = None) -> Amendment:
    """Change the text of `path` (relative to the working tree `root`), touching nothing yet.

    Raises UsageError when the change can't be made, InvalidDefinitions when the result would not be valid.
    """
    contents = Contents(WorktreeSource(root, jobs_file))
    files = dict(contents.look())
    before = files[path][1] if path in files else None
    stem = PurePosixPath(path).stem if str(PurePosixPath(path).parent) == JOBS_FOLDER else ""
    try:
        text = (before or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", "save the file as UTF-8") from error
    mark = _BOM if text.startswith(_BOM) else ""
    try:
        changed = change(text.removeprefix(mark), stem)
    except UsageError as error:
        raise UsageError(f"{path}: {error.what}", error.fix) from error
    after = None if changed is None else (mark + changed).encode("utf-8")
    if after is None:
        files.pop(path, None)
    else:
        files[path] = (blob_id(after), after)
    loaded = loader.load(files, source=contents.source.name, jobs_file=contents.source.jobs_file)
    if loaded.definitions is None:
        raise InvalidDefinitions(loaded.problems)
    return Amendment(path, before, after, loaded.definitions)


def write(root: Path, amendment: Amendment) -> None:
    """Write the file in one step, its mode kept; OctojobsError when it is not what it was, or can't be written."""
    file = root / amendment.path
    try:
        now = file.read_bytes() if file.exists() else None
        if now != amendment.before:
            raise OctojobsError(f"{amendment.path} was changed by somebody else just now", "try again")
        if amendment.after is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, amendment.after, stat.S_IMODE(os.stat(file).st_mode) if now is not None else 0o666 & ~_umask())
    except OSError as error:
        raise OctojobsError(f"{amendment.path} can't be written: {error.strerror}", "check the folder's owner and mode") from error


def _umask() -> int:
    """The process's umask; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
