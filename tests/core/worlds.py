"""A small world for plans: a ledger that is only ever changed by events, and a clock that the tests move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from octojobs.core.claim import events_of
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, Event, RunReady
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job
from octojobs.core.ledger import Ledger, Row
from octojobs.core.plan import Plan, plan
from octojobs.core.run import Attempt, Outcome, Phase, Process, Run
from octojobs.core.when import ScheduleWhen, When

PROCESS = Process(4711, 1, "boot")


def job(name: str = "nightly", when: When | None = None, **fields: object) -> Job:
    """A job that is due every hour unless told otherwise."""
    return Job(JobId(name), when or ScheduleWhen(("0 * * * *",)), CommandAction("true"), **fields)  # type: ignore[arg-type]  # fields of Job


@dataclass
class World:
    """Jobs under a ledger; what the ledger was told, and the rows of history that came of it."""

    jobs: Sequence[Job]
    ledger: Ledger = field(default_factory=Ledger)
    events: list[Event] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def tell(self, *events: Event) -> None:
        """The ledger learns these."""
        for event in events:
            self.events.append(event)
            if row := self.ledger.apply(event):
                self.rows.append(row)

    def tick(self, now: datetime, activity: datetime | None = None) -> Plan:
        """One plan over all jobs, recorded."""
        made = plan(self.jobs, self.ledger, now, activity=activity)
        self.tell(*events_of(made, {job.id: job for job in self.jobs}, now, "worktree"))
        return made

    def finish(self, run: Run, now: datetime, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        """The run's current attempt, from wherever it stands to its end."""
        if run.phase is Phase.WAITING:
            self.tell(RunReady(run.id, ()))
        self.start(run.id, now)
        self.tell(AttemptEnded(run.id, Attempt(run.attempt, outcome, now, now, 0)))

    def start(self, run_id: RunId, now: datetime) -> None:
        """The run's current attempt begins, if it has not yet."""
        if self.ledger.runs[run_id].phase in (Phase.QUEUED, Phase.RETRYING):
            self.tell(AttemptStarting(run_id, self.ledger.runs[run_id].attempt, now))
        if self.ledger.runs[run_id].phase is Phase.STARTING:
            self.tell(AttemptStarted(run_id, self.ledger.runs[run_id].attempt, now, PROCESS))

    def finish_all(self, now: datetime) -> None:
        """Every open run ends well."""
        for run in tuple(self.ledger.runs.values()):
            self.finish(run, now)

    def outcomes(self) -> list[tuple[str, str, int, str]]:
        """History in short: due instant, outcome, how many, why."""
        return [(f"{row.due:%dT%H:%M:%S}", row.outcome.value, row.count, row.reason) for row in self.rows]
