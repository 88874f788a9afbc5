"""The definition files of a folder as they lie there, read once; links, pipes and what can't be read are problems, not absences."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from octojobs.config.blob import blob_id
from octojobs.config.files import (
    JOBS_FOLDER,
    SETTINGS_FILE,
    agent_file,
    checked_jobs_file,
    folders,
    is_definition,
    no_file,
    no_folder,
    too_large,
    unreadable,
)
from octojobs.config.limits import MAX_BYTES
from octojobs.config.settings import read_settings
from octojobs.core.agent_names import AGENTS_FOLDER
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import InvalidDefinitions, Problem


def read_folder(root: Path, jobs_file: str | None = None) -> tuple[str, dict[str, tuple[str, bytes]]]:
    """The path of the jobs' file (None: what the settings say), and each definition file below `root`: path to blob id and content.

    Raises InvalidDefinitions for links and for files that can't be read, UsageError for a jobs' file outside of `root`.
    """
    found: dict[str, tuple[str, bytes]] = {}
    problems = _links(root, JOBS_FILE)
    if not problems:
        _read(root, SETTINGS_FILE, found, problems)
    if jobs_file is None:
        settings = read_settings(SETTINGS_FILE, found[SETTINGS_FILE][1]).settings if SETTINGS_FILE in found else None
        jobs_file = checked_jobs_file(settings.jobs_file) if settings else JOBS_FILE
    problems = problems or _links(root, jobs_file)
    for path in _paths(root, jobs_file) if not problems else ():
        _read(root, path, found, problems)
    if problems:
        raise InvalidDefinitions(problems)
    return jobs_file, {path: found[path] for path in sorted(found)}


def _links(root: Path, jobs_file: str) -> list[Problem]:
    problems = []
    for folder in folders(jobs_file):
        try:
            kind = stat.S_IFMT(os.lstat(root / folder).st_mode)
        except (FileNotFoundError, NotADirectoryError):  # what stands in its way is told
            continue
        except OSError as error:
            problems.append(unreadable(folder, error))
        else:
            if kind != stat.S_IFDIR:
                problems.append(no_folder(folder, kind))
    return problems


def _paths(root: Path, jobs_file: str) -> list[str]:
    try:
        inside = [f"{JOBS_FOLDER}/{name}" for name in os.listdir(root / JOBS_FOLDER)]
    except FileNotFoundError:
        inside = []
    except OSError as error:
        raise InvalidDefinitions([unreadable(JOBS_FOLDER, error)]) from error
    return sorted({jobs_file, *(path for path in (*inside, *_agents(root)) if is_definition(path, jobs_file))})


def _agents(root: Path) -> list[str]:
    """The files that agents may have; an agent whose folder is a link has none: links are not followed."""
    try:
        with os.scandir(root / AGENTS_FOLDER) as folders_there:
            return [agent_file(one.name) for one in folders_there if one.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidDefinitions([unreadable(AGENTS_FOLDER, error)]) from error


def open_below(root: Path, path: str) -> int:
    """A descriptor of the file at `path`, relative to `root`, to read from; no link is followed on the way, and none at its end.

    Not blocking, so that a named pipe of that name can't hold us. Raises OSError: ENOTDIR or ELOOP where a link stands.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        *ways, name = path.split("/")
        for way in ways:
            below = os.open(way, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)


def _read(root: Path, path: str, found: dict[str, tuple[str, bytes]], problems: list[Problem]) -> None:
    place = root / path
    try:
        descriptor = open_below(root, path)
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(no_file(path, stat.S_IFLNK) if place.is_symlink() else unreadable(path, error))
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            problems.append(no_file(path, stat.S_IFMT(status.st_mode)))
        elif status.st_size > MAX_BYTES:
            problems.append(too_large(path, status.st_size))
        else:
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read()
            found[path] = (blob_id(content), content)
    finally:
        os.close(descriptor)
