"""Runs git, through one hardened prefix: for `repository.py` and the rooms beside it that ask git, and for nobody else.

A repository's own configuration can name programs: hooks, a file system monitor, pagers, diff drivers, filters, signers, ssh
commands. Whoever can write `.git/config` could so have us run code, before anybody allowed the repository. Therefore:

- every question goes through `ask` (or, before there is a repository, `run_git`), which pins those settings empty (`PINS`) and
  sets `ENVIRONMENT`;
- `GIT_*` is popped from this process's environment: under a hook, `GIT_DIR` makes any tool read another repository;
- filter drivers can't be pinned by name in advance, so the commands that look into files (`status`, `add`) first ask which
  drivers the effective configuration names, and empty those (`_without_filters`). A driver that is written into the
  configuration between the two calls would still run; who can do that could as well wait for the user's own `git status`;
- nothing is ever fetched: a partial clone's missing blob is an error, not a connection. One call connects, the removal of branches
  that somebody has asked for, and reads none of the repository's configuration (`remotes.py`).

GitPython's command object starts git and reads its answer; its `Repo` is not used (it leaks two processes and, shared by
threads, mixes up answers). It is imported at the first question: 0.1 s that reading verbs outside git need not pay.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

from octojobs.errors import GitFailed
from octojobs.slotted import dataclass

TIMEOUT_S = 30.0

PINS = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=", "core.pager=cat", "core.editor=false", "core.askPass=", "credential.helper="),
    *("core.sshCommand=false", "core.alternateRefsCommand=", "protocol.ext.allow=never", "diff.external=", "log.showSignature=false"),
    *("commit.gpgSign=false", "gpg.program=false", "gpg.openpgp.program=false", "gpg.x509.program=false", "gpg.ssh.program=false"),
    *("gpg.ssh.defaultKeyCommand=", "gc.auto=0", "maintenance.auto=false", "submodule.recurse=false"),
)
"""Settings that would run a program or leave one behind (an empty hooksPath would mean hooks in the root folder)."""

ENVIRONMENT: Mapping[str, str] = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",  # reading never writes the index, so it runs no post-index-change hook and blocks no commit
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # no transport at all, also where the line above is unknown (git before 2.45)
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}

IDENTITY_VARIABLES = re.compile(r"GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)")
"""Who commits is a person's word, not a way to another repository: kept."""

FILTER_KEY = re.compile(r"filter\.(?P<name>.*)\.[^.]+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """How git ended, its standard output, and its standard error as text."""

    status: int
    out: bytes
    error: str


def scrub(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Pop every `GIT_*` name (all of `git rev-parse --local-env-vars` begin so) but the author's and committer's; return them.

    >>> environment = {"GIT_DIR": "/elsewhere", "GIT_AUTHOR_NAME": "Ada", "HOME": "/home/ada"}
    >>> scrub(environment)
    {'GIT_DIR': '/elsewhere'}
    """
    names = [name for name in environment if name.startswith("GIT_") and not IDENTITY_VARIABLES.fullmatch(name)]
    return {name: environment.pop(name) for name in names}


def ask(
    place: Path,
    arguments: Sequence[str],
    *,
    allowed: tuple[int, ...] = (0,),
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    filters: bool = True,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """What git answers in a worktree (its top folder); exit codes but the allowed ones raise GitFailed.

    Without `filters`, the drivers that the configuration names are emptied: for commands that look into files.
    """
    # Should this repository vanish, the one around it must not answer in its place.
    extra = {"GIT_CEILING_DIRECTORIES": os.fspath(place.parent), **(environment or {})}
    if not filters:
        extra |= _without_filters(place, extra)
    answer = run_git(place, arguments, (*allowed, 128), stdin, extra, timeout_s)
    if answer.status not in allowed or "dubious ownership" in answer.error:
        raise failed(place, answer)
    return answer


def run_git(
    place: Path,
    arguments: Sequence[str],
    allowed: tuple[int, ...] = (0,),
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    pins: Sequence[str] = PINS,
) -> Answer:
    """One run of git in a folder, whether it is a repository or not; exit codes but the allowed ones raise GitFailed."""
    try:
        from git import Git  # lazily: 0.1 s, and it looks for git at import
        from git.exc import GitCommandNotFound
    except ImportError as error:
        raise GitFailed("git was not found on PATH", "install git 2.36 or later") from error
    # -C besides the working folder: GitPython falls back to ours, without a word, where that one is gone.
    command = ["git", "-C", os.fspath(place), "--no-pager", *(part for pin in pins for part in ("-c", pin)), *arguments]
    try:
        with tempfile.TemporaryFile() as feed:  # a file, not a pipe: nothing to deadlock on, whatever the length
            feed.write(stdin)
            feed.seek(0)
            status, out, error_text = Git(place).execute(
                command,
                istream=feed,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=timeout_s,
                env={**ENVIRONMENT, **(environment or {})},
                start_new_session=True,  # Ctrl-C in our terminal is ours to handle, and nothing can prompt there
            )
    except GitCommandNotFound as error:
        raise GitFailed("git was not found on PATH", "install git 2.36 or later") from error
    except (OSError, RuntimeError) as error:  # no room for a process, a descriptor, a thread (RuntimeError): a daemon goes on without
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise GitFailed(f"git can't be started: {why}", "try again when the machine has room") from error
    answer = Answer(status, out, error_text)
    if status not in allowed:
        raise failed(place, answer)
    return answer


def _without_filters(place: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Environment that empties every filter driver which the effective configuration names (as `-c` can't for names with `=`)."""
    keys = run_git(place, ["config", "-z", "--name-only", "--get-regexp", r"^filter\."], (0, 1), environment=environment).out
    matches = (FILTER_KEY.fullmatch(key) for key in os.fsdecode(keys).split("\0"))
    names = dict.fromkeys(match["name"] for match in matches if match)
    values = {"clean": "", "smudge": "", "process": "", "required": "false"}
    settings = [(f"filter.{name}.{key}", value) for name in names for key, value in values.items()]
    emptied = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        emptied |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return emptied


def failed(place: Path, answer: Answer) -> GitFailed:
    """Git's refusal as an error: what it said, in which folder, and the remedy where there is one."""
    said = next((line for line in answer.error.splitlines() if line.strip()), f"exit code {answer.status}")
    said = said.removeprefix("fatal: ").removeprefix("error: ")
    if "dubious ownership" in answer.error:
        return GitFailed(f"git refuses {place}: {said}", f"if you trust its owner: git config --global --add safe.directory {place}")
    if answer.status < 0 or said.startswith("Timeout:"):
        return GitFailed(f"git did not answer in {place} and was stopped", "look for a slow disk or a stale lock there")
    if "unknown switch `z'" in answer.error:
        return GitFailed("this git is too old", "install git 2.36 or later")
    return GitFailed(f"git failed in {place}: {said}")
