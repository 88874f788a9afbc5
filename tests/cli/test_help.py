"""Help: every verb says what it does and shows an example, and the reference page says the same."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import click
import pytest

from octojobs import __version__
from octojobs.cli.group import Verb
from octojobs.cli.verbs import VERBS
from tests.cli.conftest import Call

ROOT = Path(__file__).parents[2]
READING = ("list", "inspect", "next", "plan", "why", "runs", "status", "validate", "doctor")
ACTING = (
    *("init", "up", "down", "tick", "create", "delete", "enable", "disable", "run-now", "run", "pause", "resume", "cancel", "retry"),
    *("allow", "deny"),
)


def _command(name: str) -> click.Command:
    command = importlib.import_module(f"octojobs.cli.commands.{VERBS[name].module}").command
    assert isinstance(command, click.Command)
    return command


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_says_what_it_does_and_shows_an_example(name: str, tmp_path: Path, call: Call) -> None:
    """`octojobs VERB --help` has a usage line, a sentence and at least one example that begins with octojobs."""
    said = call(tmp_path, name, "--help")
    command = _command(name)
    assert said.code == 0
    assert f"Usage: octojobs {name} " in said.out
    assert command.help
    assert isinstance(command, Verb)
    assert "Examples:" in said.out
    assert all("octojobs" in line for line, _ in command.examples)
    assert len(command.examples) > 0


@pytest.mark.parametrize("name", READING)
def test_every_reading_verb_has_json(name: str) -> None:
    """`--json` is there for programs."""
    assert "--json" in [option for param in _command(name).params for option in param.opts]


@pytest.mark.parametrize("name", ACTING)
def test_every_acting_verb_has_a_dry_run(name: str) -> None:
    """`--dry-run` says what would be done."""
    assert "--dry-run" in [option for param in _command(name).params for option in param.opts]


def test_help_lists_each_verb_but_the_aliases(tmp_path: Path, call: Call) -> None:
    """`octojobs --help` shows each verb with its line; `-h` is the same."""
    said = call(tmp_path, "--help")
    for name, entry in VERBS.items():
        assert (f"  {name} " in said.out and entry.summary.split(";")[0][:30] in said.out) is not bool(entry.alias_of), name
    assert call(tmp_path, "-h") == said


def test_the_version_is_the_package_s(tmp_path: Path, call: Call) -> None:
    """`octojobs --version`."""
    assert call(tmp_path, "--version").out == f"octojobs {__version__}\n"


def test_the_reference_page_says_what_the_verbs_say() -> None:
    """docs/reference/verbs.md is what docs/generate_verbs.py writes."""
    assert (ROOT / "docs/reference/verbs.md").read_text(encoding="utf-8") == _generator().page()


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_verbs", ROOT / "docs/generate_verbs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_reads(shell: str, tmp_path: Path, call: Call) -> None:
    """`octojobs completion SHELL` names the variable by which the shell asks."""
    said = call(tmp_path, "completion", shell)
    assert said.code == 0
    assert f"_OCTOJOBS_COMPLETE={shell}_complete" in said.out
