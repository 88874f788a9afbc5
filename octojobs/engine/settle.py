"""What became of an attempt: reads its receipts and says which event ends, adopts or voids it (recovery of `runs.md`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from octojobs.core.events import AttemptEnded, AttemptVoid
from octojobs.core.job import AgentAction
from octojobs.core.rate_limit import deferred_until
from octojobs.core.retry import next_attempt
from octojobs.core.run import Attempt, Outcome, Phase, Run
from octojobs.errors import OctojobsError
from octojobs.runners import receipts
from octojobs.runners.environment import RESULT_FILE
from octojobs.runners.output import OUTPUT_FILE
from octojobs.runners.remains import end_container, end_remains
from octojobs.runners.secret_values import mask_of

VOID = "provably never started"
CONTAINER_S = 10.0
"""How long its engine may take to remove a container; the next run with a worktree asks again."""


def settle(run: Run, run_dir: Path, now: datetime, boot_id: str, environ: Mapping[str, str]) -> AttemptEnded | AttemptVoid | None:
    """The event that ends the attempt, as its receipts tell it; None while its shim lives (adopt it, ask again).

    A result is always looked for first: `exit.json`, then the `live` lock, then `started`.
    Without `started`, on the same boot, we make it ourselves with O_EXCL: that fences a slow shim, and the same
    due instant may be started again. On another boot a `started` that the journal knows of may have been taken
    by a power cut, so the attempt counts as lost: the user's code starts at most once (promise P3).

    What a shim does at the end of its run is done in its place for a lost one: what is left of it is ended, and the values of
    its secrets, which `environ` has, are hidden in what it stored.
    """
    finished = receipts.read_exit(run_dir)
    if finished is None and receipts.is_live(run_dir):
        return None
    # The shim may have written its result between the two looks above.
    finished = finished or receipts.read_exit(run_dir)
    if finished is not None:
        return ended(run, attempt_of(run, finished), now, run_dir)
    rebooted = run.phase is Phase.RUNNING and run.process is not None and run.process.boot_id != boot_id
    # A folder that is gone, of a run that the journal knows as started, may have held `started`.
    unknown = run.phase is Phase.RUNNING and not run_dir.is_dir()
    if not (rebooted or unknown) and receipts.fence(run_dir):
        return AttemptVoid(run.id, run.attempt, now, VOID)
    reason = "the machine was started anew" if rebooted else "its shim ended without a result, as if it was killed"
    if remains := [] if rebooted else end_remains(run_dir):
        reason += f"; what was left of it was ended: {', '.join(remains)}"
    if not rebooted:
        reason += _without_container(run_dir, environ)
    receipts.remove_debris(run_dir)
    reason = _without_secrets(run, run_dir, reason, environ)
    return ended(run, Attempt(run.attempt, Outcome.LOST, run.started_at, now, reason=reason), now, run_dir)


def _without_container(run_dir: Path, environ: Mapping[str, str]) -> str:
    """End the container that the run may have had; what to say of it."""
    try:
        return "; its container was removed" if end_container(run_dir, environ, CONTAINER_S) else ""
    except OctojobsError as error:
        return f"; {error}"


def _without_secrets(run: Run, run_dir: Path, reason: str, environ: Mapping[str, str]) -> str:
    """Hide the values of the run's secrets in its files; the reason without them, and with the names of those that can't be hidden."""
    mask, unknown = mask_of(run.definition.secrets, environ)
    if mask:
        for name in (OUTPUT_FILE, RESULT_FILE):
            mask.file(f"{run_dir}/{name}")
    stays = f"; its output may show {', '.join(unknown)}, whose value is not known any more" if unknown else ""
    return mask.text(reason) + stays


def attempt_of(run: Run, finished: receipts.Exit) -> Attempt:
    """The attempt that a shim's `exit.json` tells of."""
    return Attempt(
        run.attempt,
        Outcome(finished.outcome),
        finished.started_at,
        finished.ended_at,
        exit_code=finished.exit_code,
        signal=finished.signal,
        reason="; ".join(filter(None, (finished.reason, _escaped(finished)))),
    )


def _escaped(finished: receipts.Exit) -> str:
    """What the run has left behind, in words: processes that outlived it and the time they were given."""
    if not finished.escaped:
        return ""
    return "still running: " + ", ".join(f"pid {process.pid} ({process.command})" for process in finished.escaped)


def ended(run: Run, attempt: Attempt, now: datetime, run_dir: Path | None = None) -> AttemptEnded:
    """The end of the attempt, with the instant of the retry when the policy grants one and nobody cancelled the run.

    `run_dir` is its folder, None for one that could not begin; what an agent told stands there. One that met a rate limit is
    deferred first, whatever the policy.
    """
    if run_dir is not None and isinstance(run.definition.action, AgentAction):
        from octojobs.runners.agent_usage import as_told  # lazily: most repositories ask no agent

        attempt = as_told(run, attempt, run_dir)
    retry_at = deferred_until(run, attempt) or next_attempt(run.definition.retries, run, attempt.outcome, attempt.exit_code, now)
    return AttemptEnded(run.id, attempt, retry_at)
