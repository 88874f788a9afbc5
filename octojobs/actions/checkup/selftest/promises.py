"""What must hold of the history, the effects of the jobs and what lies about, whatever happened: the promises as functions.

Each takes what was found and returns what is wrong with it, in words; nothing when all is well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from octojobs.core.codec import format_instant, parse_instant
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase, Run
from octojobs.store import recovery
from octojobs.store.history import days, row_to_dict, rows_in
from octojobs.store.paths import StatePaths

Row = Mapping[str, Any]
MOST_TOLD = 100
PLANNED = (None, "schedule", "catch_up")
"""The causes of rows that settle due instants; None is an instant that ended without a run."""


@dataclass(frozen=True)
class Evidence:
    """What was found in a state folder: rows in the order of recording, the open state, and what its reader had to say."""

    rows: tuple[Row, ...]
    ledger: Ledger
    notes: tuple[str, ...] = ()
    bad_lines: int = 0

    @property
    def open_runs(self) -> tuple[Run, ...]:
        """The runs that have not ended."""
        return tuple(self.ledger.runs.values())

    def rows_of(self, job: str) -> list[Row]:
        """The rows of one job."""
        return [row for row in self.rows if row["job"] == job]


def gather(paths: StatePaths) -> Evidence:
    """What lies in the folder while nobody writes there. A row may be in the journal alone: it is due to be written then."""
    loaded = recovery.load(paths)
    found = [row for path in days(paths.history) for _, _, row in rows_in(path)]
    rows = {(row["seq"], row["n"]): row for row in found if row is not None}
    for entry in loaded.entries:
        rows.setdefault((entry.seq, entry.n), {"seq": entry.seq, "n": entry.n, **row_to_dict(entry.row)})
    return Evidence(tuple(rows[place] for place in sorted(rows)), loaded.ledger, loaded.notes, found.count(None))


def one_outcome(rows: Iterable[Row], open_runs: Iterable[Run], interval_s: int, until: datetime | None = None) -> list[str]:
    """P4 for a job with a fixed interval: from the first instant to the last each has one row, or an open run. `rows` are its own.

    With `until` the last one must be reached, too.
    """
    spans: list[tuple[int, int]] = []
    for row in rows:
        if row["cause"] in PLANNED and not row["correction"] and row["count"]:
            last = _second(row["scheduled_at"])
            first = _second(row["first_scheduled_at"]) if row["first_scheduled_at"] else last
            if (last - first) // interval_s + 1 != row["count"]:
                return [f"{row['id']} says that it counts {row['count']} instants from {first} to {last}"]
            spans.append((first, last))
    spans += [(int(run.due.timestamp()),) * 2 for run in open_runs if run.cause.value in PLANNED]
    if not spans:
        return ["no due instant was settled"]
    spans.sort()
    found, reached = [], spans[0][0] - interval_s
    for first, last in spans:
        # A span may be as long as ten years of seconds: only what is wrong is walked, and not far.
        found += [f"the instant {_shown(at)} has two outcomes" for at in range(first, min(last, reached) + 1, interval_s)[:MOST_TOLD]]
        found += [f"the instant {_shown(at)} has no outcome" for at in range(reached + interval_s, first, interval_s)[:MOST_TOLD]]
        reached = max(reached, last)
    if until is not None and reached + interval_s <= until.timestamp():
        found.append(f"nothing is settled after {_shown(reached)}, at {format_instant(until)}")
    return found


def at_most_once(rows: Iterable[Row], open_runs: Iterable[Run], effects: Sequence[str]) -> list[str]:
    """P3: each effect, a line `run attempt`, is there once, belongs to an attempt that may have run, and no success lacks it."""
    counted = Counter(effects)
    known: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        # After a clock that was set back by hours an instant may come again: its second run has the same name, and other attempts.
        for attempt in row["attempts"]:
            known[_effect(row["id"], attempt["number"])].add("void" if attempt["void"] else attempt["outcome"])
    for run in open_runs:
        for past in run.attempts:
            known[_effect(run.id, past.number)].add("void" if past.void else past.outcome.value)
        if run.phase in (Phase.STARTING, Phase.RUNNING):
            known[_effect(run.id, run.attempt)].add("open")
    found = [f"{line!r} took effect {times} times" for line, times in counted.items() if times > 1]
    found += [f"{line!r} took effect and stands nowhere" for line in counted if line not in known]
    found += [f"{line!r} took effect, and the record says that it never started" for line in counted if known.get(line) == {"void"}]
    found += [f"{line!r} succeeded without any effect" for line, how in known.items() if "succeeded" in how and line not in counted]
    return found


def nothing_lost(before: Evidence, after: Evidence) -> list[str]:
    """P2: each row that was there is there unchanged, each run that was open is open or has a row, and no cursor went back."""
    now = {(row["seq"], row["n"]): row for row in after.rows}
    found = [f"the row of {row['id']} is gone" for row in before.rows if (row["seq"], row["n"]) not in now]
    found += [f"the row of {row['id']} is another one" for row in before.rows if now.get((row["seq"], row["n"]), row) != row]
    ended = {row["id"] for row in after.rows}
    found += [f"the open run {run.id} is gone" for run in before.open_runs if run.id not in after.ledger.runs and run.id not in ended]
    for job, state in before.ledger.jobs.items():
        later = after.ledger.jobs.get(job)
        if later is None or later.cursor < state.cursor:
            found.append(f"the cursor of {job} went from {state.cursor} to {later.cursor if later else None}")
    return found


def no_damage(evidence: Evidence) -> list[str]:
    """A kill, a full disk or a stopped process damages nothing: only a broken disk does."""
    found = [f"the state needs mending: {note}" for note in evidence.notes]
    return found + ([f"{evidence.bad_lines} lines of history are not as written"] if evidence.bad_lines else [])


def tidy(paths: StatePaths) -> list[str]:
    """No temporary file is left once nobody is at work; every folder of a run belongs to us."""
    stale = [path for path in paths.root.rglob("*") if path.name.endswith("-tmp") or path.name.startswith((".exit.json", "exit.json."))]
    found = [f"a temporary file is left: {path.relative_to(paths.root)}" for path in stale]
    if paths.runs.is_dir() and not (paths.runs / ".octojobs").exists():
        found.append("nothing will ever be forgotten: runs/ is not marked as ours")
    return found + [f"a request is left: {path.name}" for path in sorted(paths.requests.glob("*.json"))]


_NO_BEGIN = "Exception ignored error evaluating path:"
"""What CPython 3.11 and later say before anything of ours runs, when they can't find out where they are installed."""


def spoken(output: str) -> Iterator[str]:
    """No traceback, and no mistake of ours, in what octojobs printed; a Python that can't begin says so in its own way."""
    before = ""
    for line in output.splitlines():
        ours = line.startswith("Traceback") and not before.startswith(("Python runtime state: ", _NO_BEGIN))
        if ours or "a mistake of ours" in line or ("Exception ignored" in line and line != _NO_BEGIN):
            yield f"octojobs printed {line!r}"
        before = line


def _effect(run: str, attempt: int) -> str:
    return f"{run} {attempt}"


def _second(text: str) -> int:
    return int(parse_instant(text).timestamp())


def _shown(second: int) -> str:
    return format_instant(datetime.fromtimestamp(second, tz=UTC))
