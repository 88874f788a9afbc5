"""Starts claimed runs: folders, shims behind their gates, and the second durable write before any gate opens."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from octojobs.core.definitions import Settings
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptVoid, Event
from octojobs.core.identity import RunId
from octojobs.core.run import Attempt, Outcome, Run
from octojobs.engine.ground import Ground
from octojobs.engine.settle import VOID, ended
from octojobs.runners import receipts
from octojobs.runners.base import Launch, Launched, LaunchFailed, NotPreparable
from octojobs.runners.launcher import Launcher
from octojobs.runners.prepare import prepare
from octojobs.store.paths import make_run_folder

USED = "its folder holds an earlier run of the same instant"

log = logging.getLogger("octojobs.starter")


@dataclass(slots=True)
class Batch:
    """What came of the starts of one tick: events to record, and shims that wait at their gates."""

    events: list[Event]
    gated: dict[RunId, Launched]
    trouble: str = ""


class Starter:
    """Turns runs in phase `starting` into shims. Owned by the engine's thread."""

    def __init__(self, ground: Ground, launcher: Launcher) -> None:
        self._ground = ground
        self._launcher = launcher

    def launch(self, runs: Sequence[Run], settings: Settings, extra_env: Callable[[Run], Mapping[str, str]]) -> Batch:
        """Fork a shim for each run; none of them runs anything until `open` is called.

        A run whose definition can't be carried out (a missing secret) has failed; one that the system has no room for
        (no processes, no descriptors, no disk) is void and starts again later: `trouble` says why.
        """
        batch = Batch([], {})
        prepared: list[tuple[Run, Launch]] = []
        for run in runs:
            try:
                if receipts.has_started(make_run_folder(self._ground.paths, run.id, run.attempt)):
                    # The clock went back by hours and the instant came again: what ran in this folder is another run.
                    batch.events.append(AttemptVoid(run.id, run.attempt, self._ground.clock.now(), USED))
                    continue
                launch = prepare(
                    run,
                    repository_root=self._ground.root,
                    paths=self._ground.paths,
                    settings=settings,
                    environ=self._ground.environ,
                    extra_env=extra_env(run),
                )
            except NotPreparable as problem:
                now = self._ground.clock.now()
                batch.events.append(ended(run, Attempt(run.attempt, Outcome.FAILED, None, now, reason=str(problem)), now))
            except OSError as error:
                self._void(batch, run, f"can't make the folder of the run: {os.strerror(error.errno or 0)}")
            else:
                prepared.append((run, launch))
        self._fork(batch, prepared)
        return batch

    def _fork(self, batch: Batch, prepared: Sequence[tuple[Run, Launch]]) -> None:
        results = self._launcher.launch([launch for _, launch in prepared]) if prepared else []
        now = self._ground.clock.now()
        for (run, _), result in zip(prepared, results, strict=True):
            if isinstance(result, LaunchFailed):
                self._void(batch, run, result.reason)
            else:
                batch.events.append(AttemptStarted(run.id, run.attempt, now, result.process))
                batch.gated[run.id] = result

    def _void(self, batch: Batch, run: Run, why: str) -> None:
        batch.trouble = f"can't start {run.id}: {why}"
        log.error("%s; it is tried again", batch.trouble)
        batch.events.append(AttemptVoid(run.id, run.attempt, self._ground.clock.now(), VOID))

    def close(self) -> None:
        """End the launcher; running shims live on."""
        self._launcher.close()


def retried_or_final(event: AttemptEnded) -> str:
    """How the log tells of the end of an attempt."""
    attempt = event.attempt
    text = f"{event.run} attempt {attempt.number} {attempt.outcome}" + (f": {attempt.reason}" if attempt.reason else "")
    return text + (f"; retry at {event.retry_at:%Y-%m-%dT%H:%M:%SZ}" if event.retry_at else "")
