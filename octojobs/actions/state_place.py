"""Where a repository's state is, and what one that nobody has allowed may have us open there: nothing outside of its git folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from octojobs.config.approval import approved
from octojobs.config.files import SETTINGS_FILE
from octojobs.config.settings import read_settings
from octojobs.config.trust import Trust
from octojobs.core.definitions import Settings
from octojobs.errors import NotTrusted
from octojobs.repository import Repository
from octojobs.slotted import dataclass
from octojobs.store.access import require_readable
from octojobs.store.lock import holder
from octojobs.store.paths import StatePaths


@dataclass(frozen=True, slots=True)
class StatePlace:
    """The folder, and in words which other one was not taken; "" for none."""

    paths: StatePaths
    note: str = ""


def place_in(repository: Repository, trust: Trust | None, settings: Callable[[], Settings]) -> StatePlace:
    """Where a running daemon has the state, else where the settings say, else below git's folder.

    `settings` gives the source's; at levels that keep a plan the approved ones count instead. Without trust it is below git's folder.
    Raises NotTrusted where that leads elsewhere, StorageFailed where this user may not read it, and what `settings` raises.
    """
    home = StatePaths(repository.common_dir / "octojobs")
    if trust is None:
        _require_inside(repository, home.root)
        return StatePlace(home, _not_taken(settings().state_dir, home))
    require_readable(home)
    if (serving := holder(home)) is not None:
        # A daemon keeps its folder until it ends, whatever the settings say by now.
        return StatePlace(StatePaths(Path(serving.state)) if serving.state else home)
    chosen = _approved(repository) if trust.level.keeps_plan else settings().state_dir
    return StatePlace(StatePaths(repository.main_worktree / chosen) if chosen else home)


def _not_taken(chosen: str, home: StatePaths) -> str:
    if not chosen:
        return ""
    return f"state_dir {chosen!r} counts once this repository is allowed (`octojobs allow`); until then the state is that in {home.root}"


def _approved(repository: Repository) -> str:
    """`state_dir` of the approved settings: a change of it waits, as all else that is not taken away."""
    plan = None
    with suppress(NotTrusted):  # a plan that can't be relied on: `up` says so
        plan = approved(repository)
    if plan is None or SETTINGS_FILE not in plan.files:
        return ""
    return read_settings(SETTINGS_FILE, plan.files[SETTINGS_FILE][1]).settings.state_dir


def _require_inside(repository: Repository, root: Path) -> None:
    """Raise NotTrusted where a link at the state folder, or directly in it, leads out of git's folder: SQLite writes where it leads."""
    try:
        links = [root, *(Path(entry.path) for entry in os.scandir(root) if entry.is_symlink())]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        links = [root]
    inside = os.path.realpath(repository.common_dir)
    for link in links:
        real = os.path.realpath(link)
        if not Path(real).is_relative_to(inside):
            what = f"{link} leads to {real}, and nobody has allowed {repository.main_worktree} to write there"
            raise NotTrusted(what, "remove the link, or read what would run (`octojobs allow --dry-run`), then `octojobs allow`")
