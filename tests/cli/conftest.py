"""The command line called in this process, which is fast; what needs a process of its own uses `tests.helpers.octojobs`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from octojobs.cli.main import main
from tests.helpers import environment, home_of


@dataclass(frozen=True)
class Said:
    """What a call came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the JSON document that it is."""
        return json.loads(self.out)


Call = Callable[..., Said]
"""`call(folder, "list", "--json")`."""


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command line in a folder; not on a terminal."""

    def run(folder: Path, *arguments: str) -> Said:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Gives calls in this process the environment that processes get in a repository of `make_repository`; returns the repository."""

    def move(repo: Path) -> Path:
        for name, value in environment(home_of(repo)).items():
            monkeypatch.setenv(name, value)
        return repo

    return move
