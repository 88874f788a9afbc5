"""The ledger of what agents have used: the attempts of agent jobs in the history, and those of runs that are still open.

A row of the history is made again from the journal after a crash, once, so an attempt is neither lost nor counted twice. It
goes with the history, by day, when that is pruned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from octojobs.core.codec import NotDecodable, decode, parse_instant
from octojobs.core.identity import InvalidId, JobId
from octojobs.core.run import Outcome, Run, Usage
from octojobs.core.usage import Spent, once
from octojobs.slotted import dataclass
from octojobs.store.history import days
from octojobs.store.lines import is_sealed, unseal
from octojobs.store.paths import StatePaths

_MARK = b'"usage":{'
"""Stands in each line with an attempt that has used something: the others are not even parsed."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was found, each attempt once, and in words what could not be read: then there may have been more."""

    spent: tuple[Spent, ...] = ()
    problems: tuple[str, ...] = ()


def used(paths: StatePaths, since: datetime | None, unwritten: Iterable[Run] = ()) -> Ledger:
    """What attempts that ended at `since` or later have used; None means all that is kept.

    `unwritten` are runs of which the history has no row: those that are open, or ended just now. Never raises for what can't be read.
    """
    first = f"{since.astimezone(UTC):%Y-%m-%d}" if since is not None else ""
    spent = [one for run in unwritten for one in of_run(run)]
    problems: list[str] = []
    try:
        files = [path for path in days(paths.history) if path.stem >= first]
    except OSError as error:
        return Ledger((), (f"{paths.history}: {error.strerror}",))
    for path in files:
        try:
            spent += _in_file(path, problems)
        except FileNotFoundError:  # forgotten meanwhile
            continue
        except OSError as error:
            problems.append(f"history/{path.name}: {error.strerror}")
    return Ledger(tuple(once(one for one in spent if since is None or one.at >= since)), tuple(problems))


def of_run(run: Run) -> Iterator[Spent]:
    """What the attempts of a run have used."""
    for attempt in run.attempts:
        if attempt.usage is not None:
            yield Spent(run.id, attempt.number, run.job, attempt.ended_at, attempt.usage, attempt.outcome is Outcome.SUCCEEDED)


def _in_file(path: Path, problems: list[str]) -> Iterator[Spent]:
    bad = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break  # being written
            if _MARK not in line:
                bad += not is_sealed(line[:-1])
                continue
            try:
                yield from _in_row(unseal(line[:-1]))
            except (NotDecodable, InvalidId, KeyError, TypeError):
                bad += 1
    if bad:
        problems.append(f"history/{path.name}: {bad} line{'s are' if bad > 1 else ' is'} not as written")


def _in_row(row: Mapping[str, Any] | None) -> Iterator[Spent]:
    if row is None:
        raise NotDecodable("the line is not as it was written")
    for attempt in row["attempts"]:
        if (usage := attempt.get("usage")) is not None:
            at = parse_instant(attempt["ended_at"])
            succeeded = attempt["outcome"] == Outcome.SUCCEEDED.value
            yield Spent(row["id"], attempt["number"], JobId(row["job"]), at, decode(Usage, usage), succeeded)
