"""`octojobs.Scheduler`: runs the jobs of a folder, or of a program, from Python."""

from __future__ import annotations

import logging
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from octojobs.core.job import AgentAction
from octojobs.core.run import Outcome
from octojobs.embedded.config import CONFIG_FILE, SchedulerConfig
from octojobs.embedded.folder import Folder
from octojobs.embedded.job import Job, JobState
from octojobs.embedded.jobs import Jobs
from octojobs.embedded.logs import log_to_stderr
from octojobs.embedded.opening import Opened, open_scheduler
from octojobs.embedded.place import state_folder
from octojobs.embedded.result import JobResult, result_of
from octojobs.embedded.session import Order, SchedulerStopped
from octojobs.engine.clock import Clock, SystemClock
from octojobs.errors import UsageError

log = logging.getLogger("octojobs.embedded")


class _Hands(threading.local):
    """How many orders are in this thread's hands."""

    orders = 0


class Scheduler:
    """Runs `jobs` at their times: `run` until it is stopped, `run_once` for the present instant.

    Without a configuration that of `config/scheduler.yaml` holds where it is there. Jobs run in the folder in which the
    scheduler was made. The state is opened at the first use, and held until `close`, the end of a `with` block or of the
    process, or until nobody refers to the scheduler; running jobs outlive all that, and the next scheduler of the same
    state takes them over. Override `execute_job` to act before and after each run.
    """

    def __init__(self, config: SchedulerConfig | None = None, *, _clock: Clock | None = None) -> None:
        if config is None:
            config = SchedulerConfig.from_file() if CONFIG_FILE.is_file() else SchedulerConfig()
        self.config = config
        self.jobs = Jobs()
        self._clock = _clock or SystemClock()
        self._root = Path.cwd()
        self._folder = Folder(self._root / config.jobs_dir, os.fspath(config.jobs_dir))
        self._opened: Opened | None = None
        self._opening = threading.Lock()
        self._stop_asked = ""
        self._listening = False
        self._hands = _Hands()

    @property
    def state_dir(self) -> Path:
        """Where the records, the output and the locks of this scheduler are."""
        chosen = self.config.state_dir
        return self._root / chosen if chosen is not None else state_folder(self._folder.path, os.environ)

    def load_jobs(self) -> Jobs:
        """Read the folder of jobs into `jobs`, and return that; again, to read what has changed.

        Raises UsageError when the folder is not there, InvalidDefinitions with all that is wrong, as `file:line:col`.
        """
        self._folder.load(self.jobs)
        return self.jobs

    def run_once(self) -> list[JobResult]:
        """Run what is due now, and return the results when it has ended, retries included; one for each run.

        A job that a scheduler of this state has never seen has no past: it is due at its next instant. Raises
        RepositoryBusy when another scheduler holds the state. Ctrl-C and TERM end it when the record is safe.
        """
        results: list[JobResult] = []
        opened = self._open()
        with self._heeding_signals(opened, pass_on=True):
            self._cycle(opened, results, once=True)
        return results

    def run(self) -> str:
        """Run jobs at their instants until SIGTERM, Ctrl-C or `stop()`; returns which: `SIGTERM`, `SIGINT` or `stop()`.

        Reads the folder of jobs, and again every `poll_interval_seconds`; a file that is broken then changes nothing.
        Signals are heard in the main thread only. Running jobs go on. Raises what `load_jobs` and `run_once` raise.
        """
        with log_to_stderr(unless_logged=True):
            if self._folder.path.exists() or not self.jobs:
                self.load_jobs()
            opened = self._open()
            with self._heeding_signals(opened, pass_on=False) as heard:
                log.info("up: %d jobs, in %s; state in %s", len(self.jobs), self._root, self.state_dir)
                self._cycle(opened, [], once=False)
            log.info("stopped by %s; what runs goes on", heard[0])
            return heard[0]

    def stop(self) -> None:
        """End the `run` or `run_once` that goes on (else the next one); from any thread, or from `execute_job`."""
        self._stop_asked = "stop()"
        opened = self._opened
        if opened is not None and opened.session.in_cycle:
            opened.session.stop("stop()")

    def execute_job(self, job: Job) -> JobResult:
        """Run the job now and wait for its end, its retries included. Override it, and call it through `super()`.

        Within `run` and `run_once` it carries out the run that is due: in the caller's thread when
        `max_concurrent_jobs` is 1, else in one of as many threads. An override that does not call it has the run
        recorded as skipped; one that raises is logged. Called for itself it starts a run by hand, past the job's guards.

        Raises SchedulerStopped when the scheduler is stopped meanwhile; the job goes on then. UsageError for an agent
        job: its agent stands in the definitions of a repository.
        """
        if isinstance(job.definition.action, AgentAction):
            why = "an agent job needs the definitions of a repository"
            raise UsageError(f'job "{job.id}" can\'t run: {why}', "declare it in .octopoid/jobs.yaml")
        opened = self._open()
        job.state, job.last_run = JobState.RUNNING, self._clock.now()
        with self._heeding_signals(opened, pass_on=True):
            row = opened.session.execute(job)
        return job.keep(result_of(row, opened.paths))

    def close(self) -> None:
        """Give the state free for other schedulers; running jobs go on. Twice is once, and a later use opens it again.

        Ends a `run` of another thread, and waits for it. Raises UsageError inside `execute_job`.
        """
        if self._hands.orders:
            raise UsageError("close() is called inside execute_job()", "call stop() there, and close() when run() has returned")
        opened = self._opened
        if opened is None:
            return
        opened.close()
        with self._opening:
            if self._opened is opened:
                self._opened = None
                self._closing.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self) -> Opened:
        with self._opening:
            if self._opened is None:
                self._opened = open_scheduler(self.config, self._root, self.state_dir, self.jobs, self._clock)
                self._closing = weakref.finalize(self, self._opened.close)
            return self._opened

    def _cycle(self, opened: Opened, results: list[JobResult], *, once: bool) -> None:
        session, width = opened.session, self.config.max_concurrent_jobs
        with session.cycling(lambda: self._stop_asked), self._looking_after(opened, once=once):
            if width == 1:
                session.cycle(lambda order: self._hand_out(opened, order, results), once=once)
                return
            with ThreadPoolExecutor(width, "octojobs") as pool:
                try:
                    session.cycle(lambda order: void(pool.submit(self._hand_out, opened, order, results)), once=once)
                except BaseException:
                    # those who wait in the pool's threads must not wait for an engine that failed
                    session.stop("an error")
                    raise

    @contextmanager
    def _looking_after(self, opened: Opened, *, once: bool) -> Iterator[None]:
        """What `run` does besides running jobs: follow the folder, forget old records."""
        try:
            if not once:
                opened.feed.follow = self._follower()
                opened.service.on_rest = opened.retain
            yield
        finally:
            self._stop_asked = ""
            opened.feed.follow = str
            opened.service.on_rest = void

    def _hand_out(self, opened: Opened, order: Order, results: list[JobResult]) -> None:
        """Let `execute_job`, somebody's own perhaps, have the run; whatever it does, the order comes back."""
        job = order.job
        outcome, reason = Outcome.SKIPPED, f"execute_job() of {type(self).__name__} returned without running it"
        result: object = None  # an override may return anything
        self._hands.orders += 1
        try:
            result = self.execute_job(job)
        except SchedulerStopped:
            reason = ""
        except Exception as error:
            outcome, reason = Outcome.CANCELLED, f"execute_job() of {type(self).__name__} raised {type(error).__name__}: {error}"
            log.exception("%s: %s", order.run.id, reason)
        finally:
            self._hands.orders -= 1
            opened.session.give_back(order, outcome, reason)
        if not isinstance(result, JobResult):
            if order.row is not None:
                result = result_of(order.row, opened.paths)
            elif reason:
                result = JobResult(success=False, error=reason, run_id=order.run.id, outcome=outcome.value)
        if isinstance(result, JobResult):
            results.append(job.keep(result))

    @contextmanager
    def _heeding_signals(self, opened: Opened, *, pass_on: bool) -> Iterator[list[str]]:
        """Let TERM and INT end what goes on instead of breaking into it; yields where it is said afterwards what came.

        With `pass_on` the signal is raised again when all is in order, for whoever it was meant for.
        """
        session, heard = opened.session, [""]
        outermost = not self._listening and threading.current_thread() is threading.main_thread()
        if outermost:
            self._listening = True
            session.wake.listen()
        try:
            yield heard
        finally:
            if outermost:
                session.wake.deafen()
                self._listening = False
            if not session.in_cycle:
                heard[0], session.wake.stopping = session.wake.stopping, ""
            if outermost and pass_on and heard[0] in signal.Signals.__members__:
                signal.raise_signal(signal.Signals[heard[0]])

    def _follower(self) -> Callable[[], str]:
        """Looks at the folder, no more often than the configuration says; returns why what stands there is not used."""
        looked_at = self._clock.monotonic()

        def follow() -> str:
            nonlocal looked_at
            now = self._clock.monotonic()
            if now - looked_at >= self.config.poll_interval_seconds:
                looked_at = now
                self._folder.follow(self.jobs)
            return self._folder.note

        return follow


TaskScheduler = Scheduler
"""The same class under the name that tasks-loop gave it."""


def void(_result: object = None) -> None:
    """Nothing is to be done, or to be made of a result."""
