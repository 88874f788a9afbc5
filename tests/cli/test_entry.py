"""Ctrl-C at any early moment: exit 130 or a clean finish, and never a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import environment, home_of, make_repository, script, write

INTERRUPT = """
import os, signal, sys

class Interrupt:
    # the moment: when the module is looked for the first time
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["MOMENT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""
"""A `sitecustomize` that sends the process a real SIGINT in the middle of an import."""

AT_EXIT = """
import atexit, os, signal
atexit.register(os.kill, os.getpid(), signal.SIGINT)
"""

IN_A_DESTRUCTOR = """
import os, signal, sys

class Interrupt:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

class Look:
    def find_spec(self, name, path=None, target=None):
        if name == "octojobs.actions.workspace":
            sys.meta_path.remove(self)
            Interrupt()

sys.meta_path.insert(0, Look())
"""

OCTOJOBS = [script(), "list"]
VALIDATE = [script("octojobs-validate")]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one job."""
    return make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {a: {manual: true, command: 'true'}}\n"})


def call(repo: Path, argv: list[str], customize: str, *, ignored: bool = False, **env: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command, in a Python that begins with `customize`."""
    write(repo.parent / "site/sitecustomize.py", customize)

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    done = subprocess.run(
        argv,
        cwd=repo,
        env=environment(home_of(repo), PYTHONPATH=str(repo.parent / "site"), **env),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=ignore if ignored else None,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "moment", ["octojobs.cli.main", "click", "octojobs.cli.commands.list", "octojobs.actions.workspace", "git", "yaml"]
)
@pytest.mark.parametrize("argv", [OCTOJOBS, [sys.executable, "-m", "octojobs", "list"]], ids=["script", "module"])
def test_ctrl_c_while_a_verb_is_imported_is_130(argv: list[str], moment: str, repo: Path) -> None:
    """One line, whatever is being imported."""
    assert call(repo, argv, INTERRUPT, MOMENT=moment) == (130, "", "octojobs: interrupted\n")


@pytest.mark.parametrize("moment", ["octojobs.cli.validate_hook", "octojobs.config.reader", "yaml"])
def test_ctrl_c_while_the_hook_is_imported_is_130(moment: str, repo: Path) -> None:
    """The commit is not made then."""
    assert call(repo, VALIDATE, INTERRUPT, MOMENT=moment) == (130, "", "octojobs: interrupted\n")


def test_ctrl_c_while_python_ends_is_130(repo: Path) -> None:
    """What was printed is printed."""
    code, out, err = call(repo, OCTOJOBS, AT_EXIT)
    assert (code, out.split()[0], err) == (130, "a", "octojobs: interrupted\n")


def test_ctrl_c_in_a_destructor_is_not_lost(repo: Path) -> None:
    """Python would print the exception and go on."""
    assert call(repo, OCTOJOBS, IN_A_DESTRUCTOR) == (130, "", "octojobs: interrupted\n")


def test_who_ignores_interrupts_is_not_interrupted(repo: Path) -> None:
    """`nohup`, and `&` in a script: the signal is not ours to take back."""
    code, out, err = call(repo, OCTOJOBS, INTERRUPT, MOMENT="click", ignored=True)
    assert (code, out.split()[0], err) == (0, "a", "")
