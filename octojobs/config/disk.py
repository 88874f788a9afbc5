"""The definition files of a folder as they lie there, read once: for checks that answer at once and watch nothing."""

from __future__ import annotations

import stat
from pathlib import Path

from octojobs.config.blob import blob_id
from octojobs.config.files import FOLDER, JOBS_FOLDER, SETTINGS_FILE, is_definition, no_file, no_folder, unreadable
from octojobs.config.limits import MAX_BYTES
from octojobs.config.settings import read_settings
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import InvalidDefinitions, Problem


def read_folder(root: Path, jobs_file: str | None = None) -> tuple[str, dict[str, tuple[str, bytes]]]:
    """The path of the jobs' file, and of each definition file below `root` its path, blob id and content.

    Raises InvalidDefinitions for links and for files that can't be read.
    """
    found: dict[str, tuple[str, bytes]] = {}
    problems: list[Problem] = []
    for folder in (FOLDER, JOBS_FOLDER):
        if (root / folder).is_symlink():
            raise InvalidDefinitions([no_folder(folder, stat.S_IFLNK)])
    _read(root, SETTINGS_FILE, found, problems)
    if jobs_file is None:
        settings = read_settings(SETTINGS_FILE, found[SETTINGS_FILE][1]).settings if SETTINGS_FILE in found else None
        jobs_file = settings.jobs_file if settings else JOBS_FILE
    inside = (f"{JOBS_FOLDER}/{file.name}" for file in (root / JOBS_FOLDER).glob("*"))
    for path in sorted({jobs_file, *inside}):
        if is_definition(path, jobs_file):
            _read(root, path, found, problems)
    if problems:
        raise InvalidDefinitions(problems)
    return jobs_file, found


def _read(root: Path, path: str, found: dict[str, tuple[str, bytes]], problems: list[Problem]) -> None:
    file = root / path
    try:
        mode = file.lstat().st_mode
        if not stat.S_ISREG(mode):
            problems.append(no_file(path, stat.S_IFMT(mode)))
            return
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)  # one more than the reader takes, so that it says so
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(unreadable(path, error))
        return
    found[path] = (blob_id(content), content)
