"""The pages do what they say: their commands are run, their definitions loaded, their programs compiled.

A page is one story in one new git repository with a home of its own. In order: a block after `<!-- file: PATH -->` is written to
that path (`~/` is the home folder), a `console` block is run. A command must succeed, unless the next one is `echo $?`, which
shows its exit code. What a page shows is compared as `tests/pages.py` says.

An `sh` block is only read, so it has to say why: `<!-- only read: REASON -->`. The generated page of the verbs has a test of its own.
"""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import fields
from datetime import UTC, datetime
from doctest import DocTestParser
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from octojobs.cli.app import App
from octojobs.cli.main import octojobs as command_line
from octojobs.config.files import is_agent
from octojobs.core.definitions import Settings
from tests.config.loading import JOBS, SETTINGS, load
from tests.helpers import ROOT, environment, make_repository, write
from tests.pages import HOME, REPOSITORY, Block, Page, agrees, read

PAGES = [read(path) for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])]
STORIES = [page for page in PAGES if any(page.of("console"))]
NOW = datetime(2026, 11, 20, tzinfo=UTC)
"""When the pages were written: an `@once` that they show may be past today."""
VERBS = ROOT / "docs/reference/verbs.md"
SETTING_KEYS = frozenset(field.name for field in fields(Settings))


def name_of(page: Page) -> str:
    """The page as a test's parameter."""
    return page.path.relative_to(ROOT).as_posix()


def blocks(*languages: str) -> list[Any]:
    """All blocks of these languages in all pages, as parameters of a test."""
    return [pytest.param(page, block, id=f"{name_of(page)}:{block.line}") for page in PAGES for block in page.of(*languages)]


@pytest.mark.parametrize("page", STORIES, ids=name_of)
def test_the_commands_of_a_page_do_what_it_shows(page: Page, tmp_path: Path) -> None:
    """In order, in a new repository; a daemon that the page started is stopped at the end."""
    repo, home = make_repository(tmp_path), tmp_path / "home"
    home.mkdir()
    env = environment(home, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", TZ="UTC")
    try:
        _tell(page, repo, home, env)
    finally:
        lock = repo / ".git/octojobs/daemon.lock"
        if lock.exists() and lock.read_bytes():  # whoever holds it says so in it
            _run("octojobs down --kill", repo, env)


def _tell(page: Page, repo: Path, home: Path, env: dict[str, str]) -> None:
    last = 0
    for block in page.blocks:
        if block.file:
            path = Path(block.file.replace("~", str(home), 1)) if block.file.startswith("~") else repo / block.file
            write(path, block.text)
        if block.language != "console":
            continue
        for number, command in enumerate(block.commands):
            where = f"{name_of(page)}:{command.line}: $ {command.text}"
            # in parentheses, so that `$?` is what the command before it ended with
            done = _run(f"(exit {last})\n{command.text}", repo, env)
            printed = _as_shown(done.stdout, repo, home)
            following = block.commands[number + 1].text if number + 1 < len(block.commands) else ""
            assert done.returncode == 0 or following == "echo $?", f"{where}\nended with {done.returncode}:\n{printed}"
            assert agrees(command.shown, printed), f"{where}\nprinted\n{printed}"
            last = done.returncode


def _run(script: str, repo: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script],
        cwd=repo,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def _as_shown(printed: str, repo: Path, home: Path) -> str:
    """The output with the names that the pages use for what is another one on each machine."""
    return printed.replace(str(repo), REPOSITORY).replace(str(home), HOME).replace(f"by {getpass.getuser()}", "by ada")


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_the_definitions_that_a_page_shows_are_valid(page: Page, block: Block) -> None:
    """By the real loader: a jobs file, settings, an agent, or the fields of one job; with the settings and agents that the page shows."""
    if block.file and not block.file.startswith(".octopoid/"):
        assert yaml.safe_load(block.text)
        return
    settings = next((other.text for other in reversed(page.blocks) if _is_settings(other)), None)
    agents = {other.file: other.text for other in page.blocks if is_agent(other.file)}
    if _is_settings(block):
        loaded = load("jobs: {}\n", block.text, now=NOW)
    elif is_agent(block.file):
        name = block.file.split("/")[-2]
        loaded = load(f"jobs: {{ask: {{manual: true, prompt: x, agent: {name}}}}}\n", settings, more={block.file: block.text}, now=NOW)
    elif block.file in ("", JOBS) and _keys(block) & {"version", "jobs", "defaults"}:
        loaded = load(block.text, settings, more=agents, now=NOW)
    else:
        loaded = load("jobs: {}\n", settings, more={**agents, block.file or ".octopoid/jobs/example.yaml": block.text}, now=NOW)
    assert [str(problem) for problem in loaded.problems] == []


def _is_settings(block: Block) -> bool:
    if block.file or block.language != "yaml":
        return block.file == SETTINGS
    return bool(_keys(block) & SETTING_KEYS) and _keys(block) <= SETTING_KEYS | {"version"}


def _keys(block: Block) -> set[str]:
    content = yaml.safe_load(block.text)
    return set(content) if isinstance(content, dict) else set()


@pytest.mark.parametrize(("page", "block"), blocks("python"))
def test_the_programs_that_a_page_shows_compile(page: Page, block: Block) -> None:
    """Those with a file are run by the page's commands, too; those of docs/python-api.md by tests/embedded/test_page.py."""
    examples = [example.source for example in DocTestParser().get_examples(block.text)]
    assert all(compile(source, name_of(page), "exec") for source in examples or [block.text])


@pytest.mark.parametrize(("page", "block"), blocks("sh"))
def test_a_command_that_is_only_read_says_why(page: Page, block: Block) -> None:
    """So that nobody leaves a command untested by writing another word behind the fence."""
    if page.path == VERBS:
        return
    kind, _, reason = block.comment.partition(": ")
    assert (kind == "only read" and len(reason) > 10) or block.comment in ("set up and run", "set up and test")


def test_every_example_of_a_verb_is_one_that_the_verb_accepts(tmp_path: Path) -> None:
    """The page of the verbs is made from their help; its examples name verbs, options and arguments that are there."""
    examples = [line for block in read(VERBS).of("sh") for line in block.text.splitlines()]
    calls = [part for line in examples for part in _calls(line)]
    assert len(calls) > 50
    (tmp_path / "agent").mkdir()  # a folder that an example names
    for call in calls:
        words = [word.replace("~", str(tmp_path)) for word in call]
        with click.Context(command_line, info_name="octojobs", obj=App()) as context:
            _accept(command_line, context, words)


def _calls(line: str) -> list[list[str]]:
    """The arguments of each call of octojobs in a line of shell."""
    lexer = shlex.shlex(line.replace("$(", " ( "), posix=True, punctuation_chars="|()")
    lexer.whitespace_split = True
    found: list[list[str]] = []
    current: list[str] | None = None
    for word in lexer:
        if set(word) <= set("|()") or word == ">":
            current = None
        elif word == "octojobs" and current is None:
            current = []
            found.append(current)
        elif current is not None:
            current.append(word)
    return found


def _accept(command: click.Group, context: click.Context, words: list[str]) -> None:
    name, inner, rest = command.resolve_command(context, words)
    if isinstance(inner, click.Group):
        _accept(inner, context, list(rest))
    else:
        assert inner is not None
        inner.make_context(name, list(rest), parent=context).close()


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("tidy@20261120T120000Z succeeded after 4 ms", "tidy@20270203T030405Z\tsucceeded after 1.2 s"),
        ("asked@20261120T120000Z-3f2c, commit 0a1b2c3", "asked@20270203T030405Z-00ff, commit 9876543"),
        ("2028-02-29T12:00:00Z", "2028-02-29T12:00:00Z"),
        ("first\n…\nlast", "first\nlast"),
        ("ok …, 3 jobs", "ok ext4, /dev, 3 jobs"),
        ("", "anything"),
    ],
)
def test_what_differs_from_run_to_run_is_taken_for_what_it_is(shown: str, printed: str) -> None:
    """Instants of "now", ids, durations, and what is left out."""
    assert agrees(tuple(shown.splitlines()), f"{printed}\n")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("one", "two"),
        ("2028-02-29T12:00:00Z", "2028-03-01T12:00:00Z"),
        ("first\n…", "second\nfirst"),
        ("first", "first\nsecond"),
        ("failed after 4 ms", "succeeded after 4 ms"),
    ],
)
def test_a_page_that_shows_something_else_is_noticed(shown: str, printed: str) -> None:
    """Every other word has to be right, every line has to be there, and instants of other times are meant."""
    assert not agrees(tuple(shown.splitlines()), f"{printed}\n")


def test_a_command_that_fails_is_noticed(tmp_path: Path) -> None:
    """Unless the page shows its exit code, and then the right one."""
    (tmp_path / "home").mkdir()
    repo, env = make_repository(tmp_path), environment(tmp_path / "home")
    for text, fails in {"$ false": True, "$ false\n$ echo $?\n0": True, "$ false\n$ echo $?\n1": False}.items():
        page = Page(ROOT / "README.md", (Block("console", text, "", 1),))
        with pytest.raises(AssertionError) if fails else nullcontext():
            _tell(page, repo, tmp_path / "home", env)
