"""Opens what a scheduler needs to run: its log, its state, its engine with the loop around it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from octojobs import __version__
from octojobs.core.codec import format_instant
from octojobs.core.definitions import Retention, Settings
from octojobs.core.ledger import Row
from octojobs.core.run import Run
from octojobs.embedded.config import SchedulerConfig
from octojobs.embedded.feed import SOURCE, JobsFeed
from octojobs.embedded.job import Job
from octojobs.embedded.jobs import Jobs
from octojobs.embedded.logs import log_to_file
from octojobs.embedded.place import ground
from octojobs.embedded.result import result_of
from octojobs.embedded.session import Session
from octojobs.engine.clock import Clock
from octojobs.engine.engine import Engine
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.engine.retaining import Retainer
from octojobs.engine.service import Service
from octojobs.engine.wake import Wake
from octojobs.engine.wiring import open_engine
from octojobs.errors import RepositoryBusy
from octojobs.slotted import dataclass
from octojobs.store.lock import holder
from octojobs.store.paths import StatePaths

log = logging.getLogger("octojobs.embedded")


@dataclass(frozen=True, slots=True)
class Opened:
    """A scheduler's parts while it is open; `close` waits for whoever drives the engine, and gives the state free."""

    session: Session
    service: Service
    feed: JobsFeed
    retainer: Retainer
    paths: StatePaths
    stack: ExitStack

    def close(self) -> None:
        """End what goes on, and close; running jobs go on. Twice is once."""
        self.session.close(self._last)
        self.stack.close()

    def retain(self) -> None:
        """Forget what exceeds the retention, once a day, on a thread of its own."""
        engine = self.session.engine
        self.retainer.at_rest(engine.ground.clock.now(), Retention(), engine.store.ledger.runs.keys())

    def _last(self) -> None:
        # programs that come and go never rest
        if self.session.rows:
            self.retain()
        self.retainer.stop()


def open_scheduler(
    config: SchedulerConfig,
    root: Path,
    state_dir: Path,
    jobs: Jobs,
    clock: Clock,
) -> Opened:
    """All parts, open. Raises RepositoryBusy, StateDamaged, StorageFailed and UsageError.

    Nothing in them refers to the scheduler, so that one which nobody refers to any more can be closed.
    """
    with ExitStack() as stack:
        stack.enter_context(log_to_file(root / config.log_file if config.log_file is not None else None, config.log_level))
        place = ground(root, state_dir, clock, dict(os.environ))
        feed = JobsFeed(jobs, Settings(max_concurrent=config.max_concurrent_jobs), config.default_timeout_seconds)
        try:
            engine = stack.enter_context(open_engine(place, feed, role="", allow_network_fs=config.allow_network_fs))
        except RepositoryBusy:
            raise _busy(place.paths) from None
        for note in engine.store.notes:
            log.error("recovered state: %s", note)
        wake = Wake()
        service = Service(engine, feed, wake, Heartbeat(place.paths), _vitals(engine, feed))
        session = Session(engine, service, wake, feed, config.max_concurrent_jobs, _face(jobs), _keeper(jobs, place.paths))
        return Opened(session, service, feed, Retainer(place.paths), place.paths, stack.pop_all())


def _vitals(engine: Engine, feed: JobsFeed) -> Callable[[], Vitals]:
    since = format_instant(engine.ground.clock.now().replace(microsecond=0))
    return lambda: Vitals(os.getpid(), __version__, since, SOURCE, SOURCE, len(feed.current().jobs), feed.note, engine.held)


def _face(jobs: Jobs) -> Callable[[Run], Job]:
    return lambda run: jobs.get(run.job) or Job.of(run.definition)


def _keeper(jobs: Jobs, paths: StatePaths) -> Callable[[Row], None]:
    """Tells a job of the end of a run that `execute_job` does not know of: an earlier process had started it."""

    def keep(row: Row) -> None:
        job = jobs.get(row.job)
        if job is not None and row.run is not None and row.run.attempts[0].started_at is not None and not row.run.is_follow_up:
            job.last_run = row.run.attempts[0].started_at
            job.keep(result_of(row, paths))

    return keep


def _busy(paths: StatePaths) -> RepositoryBusy:
    by = holder(paths)
    who = "another Scheduler of this process" if by is not None and by.pid == os.getpid() else by or "another process"
    return RepositoryBusy(f"the state in {paths.root} is held by {who}", "close() that scheduler, or give this one a state_dir of its own")
