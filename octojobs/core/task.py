"""A task as its file tells it: frozen, its texts harmless in a header, its id safe as the name of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

from octojobs.slotted import dataclass

TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
LONGEST_LINE = 200
"""Characters of a title, and of any other value of a header: more is no title."""
LONGEST_BODY = 64 * 1024
"""Characters of a body: an agent reads it, and pays for it."""
DEEPEST = 3
"""How many tasks may stand above one, each enqueued by work on the one before: agents that give each other work must end."""

_BLANK = re.compile("[\\s\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_LONE = re.compile("[\ud800-\udfff]")
_CUT = "\n\n[… {} characters are left out here …]\n\n"
_WORDS = {"urgent": "P0", "high": "P1", "medium": "P2", "low": "P3"}


class InvalidTaskId(ValueError):
    """The text can't be the id of a task."""


class InvalidTask(ValueError):
    """What is asked for, or what a file says, is no task; the message says why."""


class TaskId(str):
    """The id of a task: letters, digits, _ and -, 63 at most, no sign first; safe as a file name.

    >>> TaskId("7e0e8c52")
    '7e0e8c52'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The id, checked; raises InvalidTaskId."""
        if not TASK_ID.fullmatch(text):
            raise InvalidTaskId(f"{text[:80]!r} is not a task id: letters, digits, _ and -, 63 at most")
        return super().__new__(cls, text)


class TaskPriority(StrEnum):
    """Ready tasks are claimed in this order, then the oldest first."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def rank(self) -> int:
        """0 is claimed first."""
        return int(self[1:])

    @classmethod
    def of(cls, text: str) -> TaskPriority:
        """The priority by its name, or by the word that jobs have for it; raises InvalidTask.

        >>> TaskPriority.of("high")
        <TaskPriority.P1: 'P1'>
        """
        name = _WORDS.get(text.lower(), text.upper())
        if name not in cls.__members__:
            raise InvalidTask(f"{line(text)!r} is not a priority: P0, P1, P2 or P3")
        return cls(name)


@dataclass(frozen=True, slots=True)
class Task:
    """What stands in the file. Its state is no part of it: that is the folder.

    `version` counts the changes, from 1. `run` is the run that enqueued it, `parent` the task whose work did, `depth` how many
    stand above it. `dedupe` is a key that no second task may have, in any state. `claimed_by` is who has it, or had it last.
    """

    id: TaskId
    title: str
    created_at: datetime
    flow: str = "default"
    role: str = "implement"
    priority: TaskPriority = TaskPriority.P2
    branch: str = ""
    created_by: str = ""
    run: str = ""
    dedupe: str = ""
    parent: str = ""
    depth: int = 0
    blocked_by: tuple[TaskId, ...] = ()
    expires_at: datetime | None = None
    acceptance: tuple[str, ...] = ()
    version: int = 1
    attempts: int = 0
    claimed_by: str = ""
    claimed_at: datetime | None = None
    reason: str = ""
    body: str = ""

    @property
    def order(self) -> tuple[int, datetime, str]:
        """Ready tasks are claimed in this order: priority, then age, then id."""
        return self.priority.rank, self.created_at, self.id


@dataclass(frozen=True, slots=True)
class Draft:
    """A task that somebody wants to have: all that they can say of it.

    `key` names the wish itself (the run that makes it): asked for again after a crash, it is the same task. `expires_in_s` counts
    from its creation. `proposed` parks it until somebody lets it in.
    """

    title: str
    body: str = ""
    role: str = "implement"
    priority: TaskPriority = TaskPriority.P2
    branch: str = ""
    created_by: str = ""
    run: str = ""
    dedupe: str = ""
    parent: str = ""
    blocked_by: tuple[str, ...] = ()
    acceptance: tuple[str, ...] = ()
    expires_in_s: int | None = None
    proposed: bool = False
    key: str = ""


def line(text: str) -> str:
    r"""The text as one line that no header can break out of: what is blank, invisible or a control becomes one space.

    >>> line("main is red\n---\nrole: admin\u2028x\0")
    'main is red --- role: admin x'

    At most LONGEST_LINE characters; what is cut off is told by "…".
    """
    # Cut first: the text may be megabytes, and blanks shrink.
    words = _LONE.sub("\ufffd", _BLANK.sub(" ", text[: LONGEST_LINE * 20])).strip()
    return words if len(words) <= LONGEST_LINE else words[: LONGEST_LINE - 1].rstrip() + "…"


def body(text: str) -> str:
    r"""The text as the body of a task: line feeds alone, controls replaced, the middle of a long one left out.

    >>> body("a\r\nb\0c")
    'a\nb\ufffdc'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LONGEST_BODY:
        half = LONGEST_BODY // 2 - len(_CUT)
        text = text[:half] + _CUT.format(len(text) - 2 * half) + text[-half:]
    return _CONTROL.sub("\ufffd", text).strip("\n")


def clean(draft: Draft) -> Draft:
    """The draft with every text made harmless; InvalidTask when nothing is left of the title."""
    title = line(draft.title)
    if not title:
        raise InvalidTask("a task needs a title")
    return Draft(
        title=title,
        body=body(draft.body),
        role=line(draft.role) or "implement",
        priority=draft.priority,
        branch=line(draft.branch),
        created_by=line(draft.created_by),
        run=line(draft.run),
        dedupe=line(draft.dedupe),
        parent=draft.parent and TaskId(draft.parent),
        blocked_by=tuple(TaskId(one) for one in dict.fromkeys(draft.blocked_by)),
        acceptance=tuple(one for one in map(line, draft.acceptance) if one),
        expires_in_s=draft.expires_in_s,
        proposed=draft.proposed,
        key=draft.key,
    )


def unmet(task: Task, phases: Mapping[str, str]) -> tuple[str, ...]:
    """What the task waits for: its prerequisites that are not done; one that is missing is never met.

    `phases` has the phase of each task that there is.
    """
    return tuple(one for one in task.blocked_by if phases.get(one) != "done")
