"""What the tests of tasks share: a place for them, and a look at its folders as any program takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from octojobs.core.definitions import TaskSettings
from octojobs.core.flow import OCTOPOID
from octojobs.core.task import Draft
from octojobs.flows import claiming, creating
from octojobs.flows.forms import Form
from octojobs.flows.queue import Place, Queue, opened
from octojobs.flows.record import Kept
from octojobs.store.paths import StatePaths

T0 = datetime(2026, 11, 20, 10, tzinfo=UTC)


@dataclass
class World:
    """A place and its clock."""

    place: Place
    now: datetime = T0

    @classmethod
    def at(cls, root: Path, form: Form = Form.FRONT_MATTER, **settings: Any) -> World:
        """New folders in `root`, and settings that differ from the defaults."""
        (root / "repo").mkdir(exist_ok=True)
        return cls(Place(root / "repo", StatePaths(root / "state"), replace(TaskSettings(), **settings), form))

    @property
    def folder(self) -> Path:
        """The folder with a folder for each state."""
        return self.place.worktree / self.place.settings.folder

    @contextmanager
    def open(self, after: timedelta | None = None) -> Iterator[Queue]:
        """The queue, that much later."""
        self.now += after or timedelta()
        with opened(self.place, self.now) as queue:
            yield queue

    def enqueue(self, title: str, **fields: Any) -> Kept:
        """A task, new or found."""
        with self.open(timedelta(seconds=1)) as queue:
            return creating.enqueue(queue, Draft(title, **fields)).kept

    def claim(self, by: str = "ada", lease_s: int = 600, role: str = "", **claimer: Any) -> Kept | None:
        """The next task, claimed."""
        with self.open(timedelta(seconds=1)) as queue:
            return claiming.claim(queue, claiming.Claimer(by, lease_s, **claimer), role=role)

    def there(self) -> dict[str, list[str]]:
        """The names of files by state, as `ls` shows them; states without any are left out."""
        return there(self.folder)


def there(folder: Path) -> dict[str, list[str]]:
    """The names of files by state, as `ls` shows them; states without any are left out."""
    found = {state: sorted(path.name for path in (folder / state).glob("*") if path.name[0] != ".") for state in OCTOPOID.states}
    return {state: names for state, names in found.items() if names}
