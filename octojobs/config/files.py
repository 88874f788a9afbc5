"""Which paths of a repository are definition files, and why what stands there may be refused.

Symbolic links and submodules are refused by their mode: what they point to is not what was committed and reviewed.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import PurePosixPath

from octojobs.config.limits import MAX_BYTES
from octojobs.core.agent_names import AGENTS_FOLDER
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import InvalidDefinitions, Problem, UsageError

FOLDER = ".octopoid"
SETTINGS_FILE = f"{FOLDER}/octojobs.yaml"
JOBS_FOLDER = f"{FOLDER}/jobs"
AGENT_FILE = "agent.yaml"
"""In a folder of its own in `AGENTS_FOLDER`: what the repository says of one agent."""

SUBMODULE = 0o160000
_KINDS = {stat.S_IFLNK: "a symbolic link", SUBMODULE: "a submodule", stat.S_IFREG: "a file", stat.S_IFDIR: "a folder"}
_FIX = "links are not followed: what they point to may be outside of what was reviewed"


def is_definition(path: str, jobs_file: str = JOBS_FILE) -> bool:
    """Whether a path, relative to the repository, is one of the files that definitions are read from.

    >>> [is_definition(path) for path in (".octopoid/jobs.yaml", ".octopoid/jobs/a.yml", ".octopoid/agents.yaml")]
    [True, True, False]
    >>> [is_definition(f".octopoid/agents/{path}") for path in ("reviewer/agent.yaml", "reviewer/prompt.md", "agent.yaml")]
    [True, False, False]
    """
    if path in (jobs_file, SETTINGS_FILE) or is_agent(path):
        return True
    folder, _, name = path.rpartition("/")
    return folder == JOBS_FOLDER and name.endswith((".yaml", ".yml")) and not name.startswith(".")


def is_agent(path: str) -> bool:
    """Whether a path is that of an agent's file."""
    above, _, name = path.rpartition("/")
    folder, _, agent = above.rpartition("/")
    return name == AGENT_FILE and folder == AGENTS_FOLDER and not agent.startswith(".")


def agent_file(agent: str) -> str:
    """The path of an agent's file."""
    return f"{AGENTS_FOLDER}/{agent}/{AGENT_FILE}"


def holds_jobs(path: str) -> bool:
    """Whether a definition file declares jobs, not settings or an agent."""
    return path != SETTINGS_FILE and not is_agent(path)


def checked_jobs_file(path: str) -> str:
    """The path itself; UsageError when it is not a plain path inside the repository."""
    parsed = PurePosixPath(path)
    if parsed.is_absolute() or {"..", ".git"} & set(parsed.parts) or str(parsed) != path or path == ".":
        what = f"jobs file {path!r} is not a path inside the repository"
        raise UsageError(what, f"write it relative to the repository, such as {JOBS_FILE}")
    return path


def folders(jobs_file: str) -> tuple[str, ...]:
    """The folders that lead to definition files, outer ones first.

    >>> folders("ci/jobs/all.yaml")
    ('.octopoid', '.octopoid/jobs', '.octopoid/agents', 'ci', 'ci/jobs')
    """
    parents = [str(parent) for parent in PurePosixPath(jobs_file).parents][-2::-1]
    return tuple(dict.fromkeys((FOLDER, JOBS_FOLDER, AGENTS_FOLDER, *parents)))


def checked(entries: Mapping[str, tuple[str, str]], jobs_file: str) -> dict[str, str]:
    """The definition files among git's entries (path to mode and object id) as path to blob id, sorted by path.

    Raises InvalidDefinitions when a link or a submodule stands in the place of a file, or of a folder that leads to one.
    """
    ways = folders(jobs_file)
    found, problems = {}, []
    for path in sorted(entries):
        mode, oid = entries[path]
        kind = stat.S_IFMT(int(mode, 8))
        if path in ways:
            if kind != stat.S_IFDIR:
                problems.append(no_folder(path, kind))
        elif is_definition(path, jobs_file):
            if kind != stat.S_IFREG:
                problems.append(no_file(path, kind))
            found[path] = oid
    if problems:
        raise InvalidDefinitions(problems)
    return found


def no_file(path: str, kind: int) -> Problem:
    """Something else stands where a file must; `kind` is the type part of its mode."""
    return Problem(path, 0, 0, f"this is {_KINDS.get(kind, 'a device or a pipe')}, not a file", f"put the file itself there; {_FIX}")


def no_folder(path: str, kind: int) -> Problem:
    """Something else stands where a folder must; `kind` is the type part of its mode."""
    fix = "remove it, and put a folder there" if kind == stat.S_IFREG else f"put the folder itself there; {_FIX}"
    return Problem(path, 0, 0, f"this is {_KINDS.get(kind, 'a device or a pipe')}, not a folder", fix)


def too_large(path: str, size: int) -> Problem:
    """A file that no person wrote is not even read."""
    what = f"the file has {size:,} bytes, more than {MAX_BYTES // 1024 // 1024} MiB"
    return Problem(path, 0, 0, what, f"split it into {JOBS_FOLDER}/*.yaml")


def unreadable(path: str, error: OSError) -> Problem:
    """The operating system refuses the file."""
    return Problem(path, 0, 0, f"can't be read: {error.strerror}", "make it readable for the user that octojobs runs as")
