"""Whose a worktree was: the task that it was made for, and how that has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from octojobs.core.flow import TaskPhase
from octojobs.flows.queue import Place, opened
from octojobs.repository import Worktree
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Left:
    """The task: its id, its state and what that means, and when it came into it."""

    task: str
    state: str
    phase: TaskPhase
    since: datetime


def left_by(place: Place, trees: Iterable[Worktree], now: datetime) -> Mapping[Path, Left]:
    """The task of each worktree that has one, by the worktree's path.

    That is the task whose branch is checked out there, or whose id is a part of the path or of the branch's name. Of several it
    is one that is not over, else the last that ended. Raises what `opened` raises.
    """
    found = {}
    with opened(place, now) as queue:
        kept = {str(one.task.id): one for one in queue.record.in_states(tuple(queue.flow.states))}
        on = {f"refs/heads/{one.task.branch.removeprefix('refs/heads/')}": one for one in kept.values() if one.task.branch}
        for tree in trees:
            names = {*tree.path.parts, *(tree.ref or "").split("/")}
            tasks = [kept[name] for name in names if name in kept] + ([on[tree.ref]] if tree.ref in on else [])
            lefts = []
            for one in tasks:
                since = max((what.at for what in queue.record.history(one.task.id)), default=one.task.created_at)
                lefts.append(Left(str(one.task.id), one.state, queue.phase(one), since))
            if lefts:
                found[tree.path] = max(lefts, key=lambda left: (not left.phase.is_final, left.since))
    return found
