"""What runs bring about, staged with what brings it about: hooks of their beginning and end, triggered jobs, the pause of a failing job.

`on_start` waits until the shim has made `started`: a gate that was opened is not yet a run that has begun, and one that a crash
keeps from beginning is started anew as the next attempt. What the claim was made for stands in the run (`StartFollowed`), in the
record of the claim, so each run has its `on_start` once: at the first look that finds `started`, by whichever daemon, and at the
latest in the record of the attempt's end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from octojobs.core.beginning import at_start, owes_start
from octojobs.core.chain import chained_job, chained_run
from octojobs.core.claim import first_sight, follow_ups
from octojobs.core.events import AttemptEnded, AttemptVoid, Paused, RunClaimed
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job
from octojobs.core.ledger import Row
from octojobs.core.run import Phase, Run
from octojobs.core.triggering import followers, following
from octojobs.engine.feed import Feed
from octojobs.engine.ground import Ground
from octojobs.engine.recorder import Recorder
from octojobs.runners import receipts

log = logging.getLogger("octojobs.engine")

LOOK_EVERY, LOOK_AT_LEAST = timedelta(milliseconds=20), timedelta(seconds=1)
"""How soon it is looked again whether a run whose gate was opened has begun, twice as late each time; most have at the first look."""


class Aftermath:
    """Owned by the engine's thread; everything is staged through its recorder."""

    def __init__(self, ground: Ground, recorder: Recorder, feed: Feed) -> None:
        self._ground = ground
        self._recorder = recorder
        self._feed = feed
        self._followers: Mapping[JobId, tuple[Job, ...]] = {}
        self._opened: set[RunId] = set()
        self._pause = LOOK_EVERY
        self.wake_at: datetime | None = None
        for run in recorder.ledger.unqueued():
            self.opened(run)

    def follow(self, jobs: Iterable[Job]) -> None:
        """These jobs are live."""
        self._followers = followers(jobs)

    def opened(self, run: Run) -> None:
        """The gate of the run was opened, now or by an earlier daemon."""
        if run.phase is Phase.RUNNING and owes_start(run):
            self._opened.add(run.id)
            self._pause = LOOK_EVERY
            self.wake_at = self._ground.clock.now() + self._pause

    def begun(self, now: datetime) -> None:
        """Claim what the runs that have begun since the last look ask for."""
        for run_id in tuple(self._opened):
            run = self._recorder.ledger.runs.get(run_id)
            if run is None or run.phase is not Phase.RUNNING or not owes_start(run):
                self._opened.discard(run_id)
            elif receipts.has_started(self._ground.paths.run_dir(run.id, run.attempt)):
                self._opened.discard(run_id)
                self._claim_start(run, now)
        self.wake_at = now + self._pause if self._opened else None
        self._pause = min(self._pause * 2, LOOK_AT_LEAST)

    def ending(self, event: AttemptEnded | AttemptVoid, now: datetime) -> None:
        """To be called before the event is staged: an attempt that was over before anybody looked has begun, too."""
        run = self._recorder.ledger.runs.get(event.run)
        if isinstance(event, AttemptEnded) and event.attempt.started_at is not None and run is not None and run.phase is Phase.RUNNING:
            self._claim_start(run, now)

    def ended(self, row: Row, now: datetime) -> None:
        """What a finished run brings about, staged with its end: what it was worth, follow-ups, the pause of a job that keeps failing."""
        run = row.run
        if run is None or run.is_follow_up:
            return
        definitions, ledger = self._feed.current(), self._recorder.ledger
        if run.definition.adapts:
            from octojobs.engine.worth import judged  # jobs whose interval is what it says don't pay for it

            self._recorder.stage(judged(run, self._ground.paths))
        children = [*follow_ups(run, now)]
        if (chained := chained_run(run, definitions.jobs, now, definitions.source)) is not None:
            children.append(chained)
            self._recorder.stage(first_sight(chained.definition, ledger, now, self._ground.salt))
        elif (named := chained_job(run)) is not None:
            log.error("%s asks for a run of %s, which is not declared any more", run.id, named[0])
        self._recorder.stage(RunClaimed(child) for child in children if child.id not in ledger.runs)
        waiting = self._followers.get(run.job, ())
        self._recorder.stage(following(run, waiting, ledger, now, definitions.source, self._ground.salt))
        state, limit = ledger.jobs.get(run.job), run.definition.pause_after
        if state is not None and limit is not None and state.failures >= limit and state.pause is None:
            many = f"{state.failures} consecutive failures, the last one" if state.failures > 1 else "1 failure,"
            reason = f"{many} {run.id}"
            log.error("%s is paused: %s; `octojobs resume %s` when it is mended", run.job, reason, run.job)
            self._recorder.stage((Paused(run.job, now, None, reason),))

    def _claim_start(self, run: Run, now: datetime) -> None:
        definitions = self._feed.current()
        named = run.definition.on_start.run
        if owes_start(run) and named is not None and named not in definitions.jobs:
            log.error("%s asks for a run of %s, which is not declared any more", run.id, named)
        self._recorder.stage(at_start(run, definitions.jobs, self._recorder.ledger, now, definitions.source, self._ground.salt))
