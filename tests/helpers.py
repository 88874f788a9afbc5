"""What several tests share: real repositories, waiting with a deadline, and the installed command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The root of this repository."""

GIT_WORLD = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}
"""git as on a machine where nobody has configured anything."""


def write(path: Path, text: str) -> Path:
    """The file with the text, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def git(repo: Path, *args: str) -> str:
    """What git printed, without the last newline; a failing git fails the test with its message."""
    done = subprocess.run(["git", *args], cwd=repo, env={**os.environ, **GIT_WORLD}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
    return done.stdout.removesuffix("\n")


def make_repository(root: Path, files: Mapping[str, str] | None = None) -> Path:
    """A git repository `root/repo` on branch main, its files (path to text) in one commit; without files, no commit."""
    repo = root / "repo"
    repo.mkdir(parents=True)
    git(repo, "init", "--quiet", "--initial-branch=main")
    for key, value in {"user.name": "Ada", "user.email": "ada@example.org", "commit.gpgSign": "false", "gc.auto": "0"}.items():
        git(repo, "config", key, value)
    if files:
        commit_files(repo, files, "first")
    return repo


def commit_files(repo: Path, files: Mapping[str, str], message: str = "change") -> str:
    """Writes the files (path to text), commits exactly those, and returns the full commit id."""
    for path, text in files.items():
        write(repo / path, text)
    git(repo, "add", "--force", "--", *files)
    git(repo, "commit", "--quiet", "--message", message, "--", *files)
    return git(repo, "rev-parse", "HEAD")


def wait_until(predicate: Callable[[], object], timeout: float = 30, what: str = "") -> None:
    """Returns as soon as the predicate holds; fails the test after `timeout` seconds, naming what it waited for.

    The only place where tests wait: for what other processes do there is nothing to be signalled by.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not predicate():
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what or predicate}")
        pause.wait(0.01)


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user whose home, configuration and state lie in `home`, with nothing of octojobs or git set."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "OCTOJOBS_", "XDG_"))}
    homes = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }
    return {**kept, **GIT_WORLD, **homes, "NO_COLOR": "1", **more}


def home_of(repo: Path) -> Path:
    """The home folder that `octojobs` uses for a repository: beside it, so that no test sees another's trust."""
    home = repo.parent / f"{repo.name}.home"
    home.mkdir(exist_ok=True)
    return home


def script(name: str = "octojobs") -> str:
    """The console script of the environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))


def octojobs(repo: Path, *args: str, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the installed `octojobs` in the repository, without a terminal and with a home of its own; `env` adds variables."""
    return subprocess.run(
        [script(), *args],
        cwd=repo,
        env=environment(home_of(repo), **env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def start_octojobs(repo: Path, *args: str, **env: str) -> subprocess.Popen[bytes]:
    """As `octojobs`, in the background, in a session of its own; the test ends it. Output is appended to `output_of(repo)`."""
    with output_of(repo).open("ab") as output:
        return subprocess.Popen(
            [script(), *args],
            cwd=repo,
            env=environment(home_of(repo), **env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def output_of(repo: Path) -> Path:
    """The file that takes the output of what `start_octojobs` started in the repository."""
    return home_of(repo) / "output.log"


def dependencies() -> list[str]:
    """The names of what octojobs depends on, always or with an extra (but `test`), as in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for name, several in project["optional-dependencies"].items() if name != "test" for one in several]
    return [re.split(r"[<>=!~ ;\[]", requirement)[0] for requirement in (*project["dependencies"], *extras)]
