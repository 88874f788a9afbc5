"""A world in a real repository, for jobs that are triggered by what happens there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from octojobs.repository import Repository
from tests.engine.world import World
from tests.helpers import commit_files, git, make_repository, wait_until

TOLD = 'echo "$OCTOJOBS_TRIGGER $OCTOJOBS_REF $OCTOJOBS_BEFORE $OCTOJOBS_COMMIT"'


class Place(World):
    """A world whose ground is a repository; `repo` has one commit."""

    def __init__(self, root: Path) -> None:
        self.repo = make_repository(root, {"README.md": "one\n", "src/app.py": "1\n"})
        super().__init__(self.repo)

    def start(self) -> None:
        """The daemon starts, on this repository."""
        self.ground.repository = Repository.discover(self.repo)
        super().start()

    def commit(self, path: str, text: str) -> str:
        """A commit that changes one file."""
        return commit_files(self.repo, {path: text})

    def head(self) -> str:
        """The commit of HEAD."""
        return git(self.repo, "rev-parse", "HEAD")

    def rest(self) -> None:
        """A tick that notices what moved, and one after the quiet time; what was started comes to its end."""
        self.tick()
        self.tick(1)
        self.drain()

    def end_of(self, run: str) -> None:
        """Tick until the run has ended."""

        def ended() -> bool:
            self.engine.tick()
            return all(one.id != run for one in self.runs())

        wait_until(ended)

    def whys(self) -> list[str]:
        """Why each of the runs that ended was there."""
        return [row.run.trigger.why for row in self.rows if row.run is not None and row.run.trigger is not None]

    def reasons(self) -> list[tuple[str, int, str]]:
        """Outcome, count and reason of what ended without having run."""
        return [(row.outcome.value, row.count, row.reason) for row in self.rows if row.outcome.value == "skipped"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An engine in a repository of its own."""
    made = Place(tmp_path)
    yield made
    made.close()
