"""Prepares starts: a folder and a shim for each run, before the durable write that names them; the gate opens after it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from octojobs.core.codec import encode
from octojobs.core.definitions import Definitions
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptVoid, Event
from octojobs.core.identity import RunId
from octojobs.core.run import Attempt, Outcome, Run
from octojobs.engine.ground import Ground
from octojobs.engine.questions import agents_for, pins_for
from octojobs.engine.settle import ended
from octojobs.errors import GitFailed
from octojobs.runners import receipts
from octojobs.runners.base import Launch, NotPreparable, Shim
from octojobs.runners.launcher import Launcher
from octojobs.runners.pool import Pool
from octojobs.runners.prepare import prepare
from octojobs.slotted import dataclass
from octojobs.store.paths import make_run_folder

USED = "its folder holds an earlier run of the same instant"

log = logging.getLogger("octojobs.starter")


@dataclass(frozen=True, slots=True)
class Gated:
    """A run with the shim that will carry it out once that is on disk."""

    launch: Launch
    shim: Shim


@dataclass(slots=True)
class Batch:
    """What came of the starts of one tick: events to record, and shims that wait."""

    events: list[Event] = field(default_factory=list)
    gated: dict[RunId, Gated] = field(default_factory=dict)


class Starter:
    """Turns runs in phase `starting` into processes. Owned by the engine's thread."""

    def __init__(self, ground: Ground, launcher: Launcher) -> None:
        self.pool = Pool(launcher)
        self._ground = ground

    def make_folders(self, runs: Iterable[RunId], until: datetime) -> None:
        """The folders of first attempts, as many as are made by `until`; in silence where they can't be, since `reserve` will say why."""
        for run in runs:
            if self._ground.clock.now() >= until:
                return
            try:
                make_run_folder(self._ground.paths, run, 1)
            except OSError:
                return

    def reserve(self, runs: Sequence[Run]) -> tuple[list[Shim], str]:
        """A folder and a shim for each of the first of these runs; why not for all, when the system has no room for more.

        The folder comes before the record: one that no record knows of is found and used by the same instant's next start,
        or forgotten by retention, whereas a run that is recorded as started and has none may have been removed while it ran.
        """
        roomy = 0
        why = ""
        for run in runs:
            try:
                make_run_folder(self._ground.paths, run.id, run.attempt)
            except OSError as error:
                why = f"can't make its folder: {os.strerror(error.errno or 0)}"
                break
            roomy += 1
        shims, refusal = self.pool.take(roomy)
        why = refusal or why
        return shims, f"can't start {runs[len(shims)].id}: {why}" if why else ""

    def prepare(
        self, runs: Sequence[Run], shims: Sequence[Shim], definitions: Definitions, extra_env: Callable[[Run], Mapping[str, str]]
    ) -> Batch:
        """What to record of each start; touches nothing. A run that can't be carried out (a missing secret) has failed."""
        batch = Batch()
        now = self._ground.clock.now()
        for run, shim in zip(runs, shims, strict=True):
            try:
                launch = prepare(
                    run,
                    repository_root=self._ground.root,
                    paths=self._ground.paths,
                    settings=definitions.settings,
                    environ=self._ground.environ,
                    extra_env=extra_env(run),
                    agents=agents_for(run.definition, definitions),
                    pins=pins_for(run, definitions, self._ground.repository),
                )
            except (NotPreparable, GitFailed) as problem:
                batch.events.append(ended(run, Attempt(run.attempt, Outcome.FAILED, None, now, reason=str(problem)), now))
                self.pool.give_back(shim)
            else:
                if receipts.has_started(launch.run_dir):
                    # The clock went back by hours and the instant came again: what ran in this folder is another run.
                    batch.events.append(AttemptVoid(run.id, run.attempt, now, USED))
                    self.pool.give_back(shim)
                else:
                    batch.events.append(AttemptStarted(run.id, run.attempt, now, shim.process))
                    batch.gated[run.id] = Gated(launch, shim)
        return batch

    def close(self) -> None:
        """End the launcher; running shims live on."""
        self.pool.close()


def retried_or_final(event: AttemptEnded) -> str:
    """How the log tells of the end of an attempt."""
    attempt = event.attempt
    text = f"{event.run} attempt {attempt.number} {attempt.outcome}" + (f": {attempt.reason}" if attempt.reason else "")
    if attempt.limited_until is not None and event.retry_at == attempt.limited_until:
        return text
    return text + (f"; retry at {event.retry_at:%Y-%m-%dT%H:%M:%SZ}" if event.retry_at else "")


def fields_of(event: AttemptEnded) -> dict[str, dict[str, object]]:
    """The same for programs (`--log-format json`)."""
    attempt = event.attempt
    took_s = round((attempt.ended_at - attempt.started_at).total_seconds(), 3) if attempt.started_at else None
    about = {"event": "attempt_ended", "run": str(event.run), "job": str(event.run.job), "attempt": attempt.number}
    ended = {"outcome": attempt.outcome.value, "exit_code": attempt.exit_code, "duration_s": took_s, "reason": attempt.reason}
    return {"told": {**about, **ended, "retry_at": encode(event.retry_at)}}
