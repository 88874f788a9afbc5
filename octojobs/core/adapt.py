"""`adapt`: an interval that grows while a job has nothing to do, and is itself again as soon as there was something.

From the third no-op in a row on each doubles it, up to the longest that is allowed; a run that has changed something brings the
interval as declared back, on its old grid. What is settled stays so: the instants are written down as pieces, as those of an
activity-aware interval are.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from octojobs.core.pace import Piece, Stretch, before
from octojobs.core.when import IntervalWhen

NO_OPS = 3
"""In a row: what stretches an interval."""

_SECOND = timedelta(seconds=1)
_MOST_DOUBLINGS = 40


def period_s(when: IntervalWhen, no_ops: int) -> int:
    """The interval after so many no-ops in a row, in seconds.

    >>> [period_s(IntervalWhen(600, 3600), no_ops) for no_ops in (2, 3, 4, 5, 6)]
    [600, 1200, 2400, 3600, 3600]
    """
    if when.longest_s is None or no_ops < NO_OPS:
        return when.period_s
    return min(when.period_s << min(no_ops - NO_OPS + 1, _MOST_DOUBLINGS), when.longest_s)


def next_stretch(
    when: IntervalWhen, anchor: datetime, stretch: Stretch | None, no_ops: int, cursor: datetime, since: datetime
) -> Stretch | None:
    """The stretch after so many no-ops, in force from `since` on (whole seconds); the one given when the interval stays as it is.

    `anchor` is where the interval as declared counts from; instants up to `cursor` are settled. What fell due before `since` and is
    not settled stays due.
    """
    wanted = period_s(when, no_ops)
    pieces = stretch.pieces if stretch is not None else (Piece(anchor, anchor, when.period_s),)
    if pieces[-1].period_s == wanted:
        return stretch
    since = max(since, cursor + _SECOND)
    kept, last = before(pieces, since, cursor)
    if wanted == when.period_s:
        period = timedelta(seconds=wanted)
        first = anchor + max(0, -((anchor - since) // period)) * period
    else:
        first = max(since, last + timedelta(seconds=wanted))
    return Stretch(when.longest_s, (*kept, Piece(since, first, wanted)))
