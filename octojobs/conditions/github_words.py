"""Words that the guards about GitHub share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from octojobs.conditions.base import Moment
from octojobs.facts.fact import one_line
from octojobs.facts.pull_requests import MOST, PullRequest

NAMED = 3  # things named in one line of evidence; the rest are counted
JUST_NOW_S = 60.0


def as_of(at: datetime, moment: Moment) -> str:
    """How old an answer is, where that is worth saying: ` (as of 13:40)`."""
    return f" (as of {moment.show(at)})" if moment.seconds_since(at) > JUST_NOW_S else ""


def some(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(one_line(name, 60) for name in names[:NAMED]) + more


def counted(found: Sequence[PullRequest], all_open: Sequence[PullRequest], what: str) -> str:
    """`2 open pull requests: #7 Mend the tests, #9 …`."""
    many = f"{len(found)}{' or more' if len(all_open) == MOST else ''} {what} pull request{'' if len(found) == 1 else 's'}"
    return f"{many}: {some([f'#{one.number} {one.title}' for one in found])}"
