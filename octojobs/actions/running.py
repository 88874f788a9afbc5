"""Run jobs: as a daemon, for one plan, for one pass, or one job by hand; and stop the daemon."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from octojobs import __version__, platform
from octojobs.actions.seat import StateMoved, seated
from octojobs.actions.workspace import Workspace
from octojobs.config import trust
from octojobs.config.approval import Approval
from octojobs.config.last_good import LastGood
from octojobs.config.reload import Reload
from octojobs.config.watcher import Watcher
from octojobs.core.admit import stopping_pause
from octojobs.core.codec import format_instant
from octojobs.core.identity import RunId
from octojobs.core.job import HOOKS
from octojobs.core.ledger import Ledger, Row
from octojobs.core.run import Outcome, Phase, Run
from octojobs.engine.engine import Engine
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.engine.retaining import Retainer
from octojobs.engine.scope import EVERYTHING, Scope
from octojobs.engine.service import LOOK_S, WATCHED_LOOK_S, Service
from octojobs.engine.supervisor import Supervisor
from octojobs.engine.wake import Wake
from octojobs.engine.wiring import ground_of, open_engine
from octojobs.store.requests import Request, RequestRefused, leave, take_refusal
from octojobs.telemetry.reporter import Reporter

log = logging.getLogger("octojobs")

RETRIES_WITHIN = timedelta(seconds=60)
"""`up --once` waits for retries that are due within a minute (`runs.md`)."""


@dataclass
class Session:
    """An engine in a loop of its own, in this process, with what has ended in it."""

    engine: Engine
    reload: Reload
    service: Service
    wake: Wake
    rows: list[Row] = field(default_factory=list)

    @property
    def failed(self) -> list[Row]:
        """The runs that ended badly."""
        good = (Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.MISSED)
        return [row for row in self.rows if row.run is not None and row.outcome not in good]


@contextmanager
def session(workspace: Workspace, role: str, scope: Scope = EVERYTHING, *, events: bool = False) -> Iterator[Session]:
    """Hold the repository and be ready to run; trust is asked for first. With `events` the log has a line for each of them.

    Raises NotTrusted (4), RepositoryBusy (3), InvalidDefinitions (2), StateDamaged (5).
    """
    trust.require(workspace.repository)
    # Who holds the lock is sent signals: they are listened to before it is taken, and until after it is given back.
    with closing(Wake()) as wake, seated(workspace, role):
        wake.listen()
        reload = _reload(workspace)
        ground = ground_of(workspace.repository, workspace.paths, workspace.clock, workspace.environ)
        with open_engine(ground, reload, scope, role=role, allow_network_fs=workspace.allow_network_fs) as engine:
            for note in engine.store.notes:
                log.error("recovered state: %s", note)
            service = Service(engine, reload, wake, Heartbeat(workspace.paths), _vitals_of(workspace, engine, reload))
            running = Session(engine, reload, service, wake)
            engine.recorder.on_row = running.rows.append
            if events:
                _log_events(engine)
            engine.starts.guards.ring = wake.ring
            service.on_turn = reload.remember  # whoever waits for a run may be killed while it does
            with closing(service):
                try:
                    yield running
                finally:
                    reload.remember()


def _log_events(engine: Engine) -> None:
    from octojobs.telemetry.event_log import event_seen, row_seen  # lazily: a log in sentences has no use for it

    engine.recorder.observe(event_seen, row_seen)


def up(workspace: Workspace, *, ready: Callable[[Session], None] = lambda _: None, events: bool = False) -> str:
    """Run the daemon until it is told to stop; returns the name of the signal that did. Running jobs go on."""
    with _nothing_collected() as built, session(workspace, "up", events=events) as running:
        running.engine.recorder.on_row = lambda _: None
        watcher = Watcher(workspace.root, running.wake.ring)
        moved = StateMoved(workspace)

        def looked() -> None:
            built()
            triggers = running.engine.triggers
            watcher.follow((*running.reload.watch_files(), *triggers.watch_files()), triggers.watch_folders())
            running.service.look_s = LOOK_S if watcher.note else WATCHED_LOOK_S
            moved.look(running.reload.current().settings)

        running.service.on_look = looked
        running.service.supervisor = Supervisor(workspace.environ, workspace.clock)
        watcher.start()
        retainer = Retainer(workspace.paths)
        reporter = Reporter(running.engine, running.service, workspace.root)

        def turned() -> None:
            running.reload.remember()
            reporter.turn(running.reload.current())

        def rested() -> None:
            _retain(workspace, running, retainer)
            platform.release_memory()

        running.service.on_turn = turned
        running.service.on_rest = rested
        try:
            ready(running)
            why = running.service.run()
            log.info("stopped by %s; %s", why, _goes_on(running.engine))
            return why
        finally:
            reporter.close()
            watcher.stop()
            retainer.stop()


@contextmanager
def _nothing_collected() -> Iterator[Callable[[], None]]:
    """No garbage collection until all is built, which the caller says by calling what it is given.

    Ten thousand jobs are kept as long as the daemon lives: to look through them for garbage again and again while they are made
    takes a quarter of the start, and later a tick that is in a hurry would be the one to do it.
    """
    gc.disable()

    def built() -> None:
        if not gc.isenabled():
            gc.freeze()
            gc.enable()

    try:
        yield built
    finally:
        gc.enable()


def once(workspace: Workspace, *, events: bool = False) -> Session:
    """One plan, its runs, and the retries due within 60 s."""
    return _pass(workspace, "up --once", retries=True, wait=True, events=events)


def tick(workspace: Workspace, *, wait: bool = True, events: bool = False) -> Session:
    """One pass for somebody else's loop: start what is due, and (unless not `wait`) wait for what was started."""
    return _pass(workspace, "tick", retries=False, wait=wait, events=events)


def _pass(workspace: Workspace, role: str, *, retries: bool, wait: bool, events: bool = False) -> Session:
    with session(workspace, role, events=events) as running:
        engine = running.engine
        engine.tick()
        # What is planned is planned by now: the rest of the pass only carries it out.
        engine.scope = Scope(plan=False)
        until = workspace.clock.now() + RETRIES_WITHIN if retries else workspace.clock.now()
        if wait:
            running.service.run(lambda: not _busy(engine, until))
        retainer = Retainer(workspace.paths)
        _retain(workspace, running, retainer)
        retainer.stop()
        return running


def _retain(workspace: Workspace, running: Session, retainer: Retainer) -> None:
    """Forget, once a day, what exceeds the retention."""
    ledger = running.engine.store.ledger
    retainer.at_rest(workspace.clock.now(), running.reload.current().settings.retention, ledger.runs.keys())


def _busy(engine: Engine, until: datetime) -> bool:
    """Whether some run is on its way, or will be tried again by `until`.

    One that waits for a guard is left to the next pass, and so is one that is queued while nothing runs: whatever
    could start has been started by now, so it is held by a pause, a missing pool, a rate limit or a full disk.
    """
    if engine.starts.unfinished or engine.starts.guards.asking:
        return True
    ledger = engine.store.ledger
    return any(run.holds_slot or _is_retried(ledger, run, until) for run in ledger.unqueued())


def _is_retried(ledger: Ledger, run: Run, until: datetime) -> bool:
    """Whether the run is tried again by `until`: its time has come by then, and so has the end of what holds it."""
    is_due = run.phase is Phase.RETRYING and run.not_before is not None and run.not_before <= until
    return is_due and stopping_pause(ledger, run, until) is None and ledger.limit_of(run, until) is None


def run_here(workspace: Workspace, request: Request, *, started: Callable[[RunId], None] = lambda _: None) -> Row | None:
    """Carry out a request to run a job in the foreground, holding the repository; the finished run's row, None when it was
    stopped, or waits for the end of a rate limit.

    Raises RequestRefused when it is refused, and what `session` raises.
    """
    assert request.job is not None
    run = RunId.of(request.job, request.at, request.suffix)
    mine = (run, *(run.follow_up(hook) for hook in HOOKS))
    with session(workspace, "run-now", Scope(plan=False, only=mine)) as running:
        path = leave(workspace.paths, request)
        running.engine.tick()
        if not path.exists() and (refusal := take_refusal(path)) is not None:
            raise RequestRefused("the run", refusal)
        if run in running.engine.store.ledger.runs:
            started(run)
        ledger = running.engine.store.ledger

        def is_done() -> bool:
            # One that waits for the end of a rate limit is left to the next daemon or tick: that may be hours.
            now = workspace.clock.now()
            return not any(name in ledger.runs and not ledger.waits_for_limit(ledger.runs[name], now) for name in mine)

        running.service.run(is_done)
        return next((row for row in running.rows if row.run is not None and row.run.id == run), None)


def apply_requests(workspace: Workspace) -> None:
    """Take the lock for one pass that carries out the requests and starts nothing."""
    with session(workspace, "requests", Scope(plan=False, only=())) as running:
        running.engine.tick()


def _reload(workspace: Workspace) -> Reload:
    approval, last_good = Approval(workspace.repository), LastGood(workspace.paths.root)
    reload = Reload(workspace.source, workspace.loader, approval, workspace.clock.monotonic, last_good)
    reload.check(ask=True)
    reload.current()
    return reload


def _vitals_of(workspace: Workspace, engine: Engine, reload: Reload) -> Callable[[], Vitals]:
    since = format_instant(workspace.clock.now().replace(microsecond=0))

    def vitals() -> Vitals:
        definitions = reload.current()
        return Vitals(
            os.getpid(), __version__, since, workspace.source_name, definitions.source, len(definitions.jobs), reload.note, engine.held
        )

    return vitals


def _goes_on(engine: Engine) -> str:
    running = sum(1 for run in engine.store.ledger.runs.values() if run.phase is Phase.RUNNING)
    return f"{running} running job{'s go' if running != 1 else ' goes'} on" if running else "nothing was running"
