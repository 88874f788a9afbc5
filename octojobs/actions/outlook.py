"""What the ledger and the schedules say of jobs, at one instant."""

from __future__ import annotations

from datetime import datetime

from octojobs.actions.workspace import Workspace
from octojobs.core.due import next_after
from octojobs.core.job import CatchUp, Job
from octojobs.core.ledger import JobState, Ledger
from octojobs.core.pace import mode_of
from octojobs.core.schedule import Schedule
from octojobs.core.sighting import schedule_of, sight
from octojobs.core.when import AfterWhen
from octojobs.slotted import dataclass
from octojobs.views.jobs import Standing


@dataclass(frozen=True, slots=True)
class Outlook:
    """The ledger as it was read, the instant it is looked at from, and the salt of the repository's jitter."""

    ledger: Ledger
    now: datetime
    salt: str

    @classmethod
    def of(cls, workspace: Workspace, ledger: Ledger | None = None) -> Outlook:
        """Of the workspace's ledger (or the one given), now; git is asked for the salt only where a job has jitter."""
        jobs = workspace.definitions.jobs.values()
        salt = workspace.salt() if any(job.jitter_s for job in jobs) else ""
        return cls(workspace.ledger() if ledger is None else ledger, workspace.clock.now(), salt)

    def standing(self, job: Job) -> Standing:
        """Where the job stands."""
        runs = tuple(self.ledger.runs_of(job.id))
        state = self.ledger.jobs.get(job.id)
        mode = mode_of(state.pace, self.now).value if state is not None and state.pace is not None else None
        return Standing(state, self.ledger.pause_of(job.id, self.now), self.coming_due(job), runs, mode)

    def coming_due(self, job: Job) -> datetime | None:
        """The next instant at which the job falls due; now, for one that is overdue and will be caught up.

        None for a disabled job, one that runs when asked, and an `after` job while it runs.
        """
        known = self.schedule_of(job)
        if known is None or (isinstance(job.when, AfterWhen) and any(self.ledger.runs_of(job.id))):
            return None
        schedule, state = known
        found = next_after(schedule, state.cursor)
        if found is not None and found < self.now and job.catch_up is CatchUp.NONE:
            return next_after(schedule, self.now)
        return None if found is None else max(found, self.now)

    def schedule_of(self, job: Job, first_seen: datetime | None = None) -> tuple[Schedule, JobState] | None:
        """The job's schedule with the state that a tick would give it, for one that was never seen at `first_seen` (now).

        None for a disabled job.
        """
        known = self.ledger.jobs.get(job.id)
        at = self.now if known is not None else first_seen or self.now
        state = sight(job, known, at).state
        return None if state is None else (schedule_of(job, state, at, self.salt), state)
