"""A span played through for a repository's jobs: with what the history knows of their durations, and otherwise with what is said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from octojobs.actions.catalog import find_job
from octojobs.actions.workspace import Workspace
from octojobs.conditions.base import Moment
from octojobs.conditions.registry import get
from octojobs.core.codec import parse_instant
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition, Guard, Status, Verdict, conditions_in, evaluate
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.ledger import JobState, Ledger
from octojobs.core.run import Outcome, Run
from octojobs.core.simulation import Assumption, World, simulate
from octojobs.errors import StateDamaged, UsageError
from octojobs.slotted import dataclass
from octojobs.store.index import query
from octojobs.views.simulation import Source, simulation_view
from octojobs.views.values import View, duration, instant

DEFAULT_S = 60.0
"""How long a run is assumed to take of which nothing is known."""

RECENT = 5_000
"""How many rows of the history are looked at for durations, newest first."""

SPAN = timedelta(days=1)
_ENDED = ("succeeded", "failed", "timed_out")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a span, the jobs to tell of (none: all), and what to assume about them by name ("" means every job).

    All jobs are played, for they share pools. `as_recorded` lets a run take as long, and end, as the history says of that very instant.
    """

    start: datetime | None = None
    until: datetime | None = None
    jobs: Sequence[str] = ()
    durations_s: Mapping[str, float] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    away: Sequence[tuple[datetime, datetime]] = ()
    as_recorded: bool = False
    limit: int = 200


def simulated(workspace: Workspace, question: Question) -> View:
    """What would run (a `simulation_view`), and what was assumed. Nothing is written, no guard's command is called.

    Raises UsageError for a span that ends before it begins, and for jobs that are not declared.
    """
    definitions, now = workspace.definitions, workspace.clock.now()
    start = (question.start or now).replace(microsecond=0)
    until = question.until or start + SPAN
    if until <= start:
        raise UsageError(f"the span ends at {instant(until)}, and begins at {instant(start)}", "name a later --to")
    question = replace(
        question,
        jobs=[find_job(workspace, name).id for name in question.jobs],
        durations_s={find_job(workspace, name).id if name else "": value for name, value in question.durations_s.items()},
        outcomes={find_job(workspace, name).id if name else "": value for name, value in question.outcomes.items()},
    )
    jobs = definitions.jobs
    told = [jobs[JobId(name)] for name in question.jobs] or list(jobs.values())
    record = _Record.read(workspace, question, start, until)
    settings = definitions.settings
    pools = settings.pool_sizes
    salt = workspace.salt() if any(job.jitter_s for job in jobs.values()) else ""
    world = World(jobs, pools, record.assumption, lambda run, at: _verdicts(run.definition, at, settings), salt, tuple(question.away))
    made = simulate(world, _ledger(workspace, jobs, start, is_future=start >= now - SPAN), start, until)
    return {
        "from": instant(start),
        "until": instant(until),
        "source": definitions.source,
        "note": workspace.source_note,
        "assumed": {"guards": _assumed_guards(told, settings, start), "durations": [record.told(job) for job in told]},
        **simulation_view(made, question.limit, {job.id for job in told}, record.outcomes if question.as_recorded else None),
    }


def failing(view: View, outcomes: Sequence[str], longest_wait_s: float | None) -> str:
    """Why a check of the simulation fails, in words; empty when it does not."""
    found = [f"{count} {outcome}" for outcome in outcomes if (count := sum(job["outcomes"][outcome] for job in view["jobs"]))]
    if longest_wait_s is not None:
        late = [job["job"] for job in view["jobs"] if job["longest_wait_s"] > longest_wait_s]
        found += [f"{', '.join(late)} would wait longer than {duration(longest_wait_s)}"] if late else []
    return "; ".join(found)


@dataclass(frozen=True, slots=True)
class _Record:
    """What is known and said of durations: of a job its median, of a run what the history has of that very instant."""

    question: Question
    medians_s: Mapping[str, tuple[float, int]]
    durations_s: Mapping[str, float]
    outcomes: Mapping[str, str]

    @classmethod
    def read(cls, workspace: Workspace, question: Question, start: datetime, until: datetime) -> _Record:
        """The newest rows of the history, and where runs go as recorded those of the span."""
        took: dict[str, list[float]] = defaultdict(list)
        for row in _rows(workspace, limit=RECENT):
            if row["outcome"] == Outcome.SUCCEEDED.value and (seconds := _seconds(row)) is not None:
                took[row["job"]].append(seconds)
        medians = {job: (round(median(values), 3), len(values)) for job, values in took.items()}
        spanned = list(_rows(workspace, since=start, limit=100_000)) if question.as_recorded else []
        within = [row for row in spanned if start <= parse_instant(row["scheduled_at"]) <= until]
        durations = {row["id"]: seconds for row in within if (seconds := _seconds(row)) is not None and row["outcome"] in _ENDED}
        return cls(question, medians, durations, {row["id"]: row["outcome"] for row in within})

    def assumption(self, run: Run) -> Assumption:
        """How an attempt of the run goes: as it is said, else as it was recorded, else as usual."""
        if run.id in self.durations_s and run.job not in self.question.durations_s:
            # The recorded run's last attempt stands for each: the earlier ones are tried again as the policy says.
            return Assumption(self.durations_s[run.id], Outcome(self.outcomes[run.id]))
        return Assumption(self._duration_s(run.job)[0], self._outcome(run.job))

    def told(self, job: Job) -> View:
        """What is assumed of a job, and whence: its duration, and the number of runs that it is the median of."""
        seconds, source = self._duration_s(job.id)
        runs = self.medians_s[job.id][1] if source is Source.HISTORY else 0
        return {"job": str(job.id), "duration_s": seconds, "outcome": self._outcome(job.id).value, "source": source.value, "runs": runs}

    def _outcome(self, name: str) -> Outcome:
        return self.question.outcomes.get(name) or self.question.outcomes.get("") or Outcome.SUCCEEDED

    def _duration_s(self, name: str) -> tuple[float, Source]:
        for key in (name, ""):
            if key in self.question.durations_s:
                return self.question.durations_s[key], Source.OPTION
        if name in self.medians_s:
            return self.medians_s[name][0], Source.HISTORY
        return DEFAULT_S, Source.DEFAULT


def _rows(workspace: Workspace, *, since: datetime | None = None, limit: int) -> list[dict[str, Any]]:
    """Rows of the history; none where there is no state yet, as in CI."""
    if not workspace.paths.history.is_dir():
        return []
    return query(workspace.paths, since=since, limit=limit)


def _seconds(row: Mapping[str, Any]) -> float | None:
    """How long the last attempt took; None for what never started."""
    if not row["started_at"] or not row["ended_at"] or "+" in row["id"]:
        return None
    return (parse_instant(row["ended_at"]) - parse_instant(row["started_at"])).total_seconds()


def _ledger(workspace: Workspace, jobs: Mapping[JobId, Job], start: datetime, *, is_future: bool) -> Ledger:
    """The ledger at the beginning: anchors as they are known, everything before settled, nothing running.

    Pauses, failures and what no-ops have made of an interval are those of now, so they count only for a span that is still to come.
    """
    try:
        known = workspace.ledger()
    except StateDamaged:
        known = Ledger()
    states: dict[JobId, JobState] = {}
    for name, state in known.jobs.items():
        if name in jobs and state.absent_since is None:
            fresh = JobState(start, state.anchor, state.interval_s, last_end=state.last_end, pace=state.pace)
            if is_future:
                fresh = replace(fresh, failures=state.failures, pause=state.pause, no_ops=state.no_ops, stretch=state.stretch)
            states[name] = fresh
    return Ledger(states, pause=known.pause if is_future else None, limits=known.limits if is_future else {})


def _verdicts(job: Job, at: datetime, settings: Settings) -> tuple[Verdict, ...]:
    moment = Moment(at, job.timezone)
    return tuple(_verdict(guard, moment, settings) for guard in job.conditions)


def _verdict(guard: Guard, moment: Moment, settings: Settings) -> Verdict:
    if not _needs_no_facts(guard, moment, settings):
        return Verdict(Status.PASSED, "assumed to hold", str(guard))
    return evaluate(guard, lambda condition: _by_the_clock(condition, moment, settings))


def _by_the_clock(condition: Condition, moment: Moment, settings: Settings) -> Verdict:
    kind = get(condition.name, settings)
    assert kind is not None
    return kind.judge(condition.args, None, moment)


def _needs_no_facts(guard: Guard, moment: Moment, settings: Settings) -> bool:
    """Whether the time alone decides: the state of the repository at another time is nobody's to know."""
    kinds = [(get(condition.name, settings), condition.args) for condition in conditions_in((guard,))]
    return all(kind is not None and not kind.check_args(args) and kind.fact(args, moment) is None for kind, args in kinds)


def _assumed_guards(jobs: Iterable[Job], settings: Settings, at: datetime) -> list[str]:
    guards = ((guard, Moment(at, job.timezone)) for job in jobs for guard in job.conditions)
    return sorted({str(guard) for guard, moment in guards if not _needs_no_facts(guard, moment, settings)})
