"""The environment of a job: an allow-list of the daemon's, what the job declares, and what it is told about itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from octojobs.core.codec import format_instant
from octojobs.core.environment import narrowed
from octojobs.core.run import Run
from octojobs.core.when import JobWhen, TaskWhen, Triggered
from octojobs.runners.base import Launch, NotPreparable
from octojobs.runners.secret_values import secret_values
from octojobs.runners.shim.spawn import DEFAULT_PATH

RESULT_FILE = "result.json"
HIDDEN = "***"


def environment_of(
    run: Run, run_dir: Path, repository_root: Path, environ: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Everything that the run's process sees; the later one wins: allow-list, `pass_env`, `env`, `secrets`, `OCTOJOBS_*`.

    `environ` is the daemon's environment, `extra` more of `OCTOJOBS_*` (a follow-up's parent, the last success).
    Raises NotPreparable when a secret is missing. A name of `pass_env` that is not set is left out.
    """
    job = run.definition
    return {
        "PATH": DEFAULT_PATH,
        **narrowed(environ),
        **{name: environ[name] for name in job.pass_env if name in environ},
        **job.env,
        **_secrets(run, environ),
        **_about(run, run_dir, repository_root),
        **(extra or {}),
    }


def redacted_environment(launch: Launch) -> dict[str, str]:
    """The environment of a launch as it may be shown (`run-now --dry-run`), sorted by name, secrets hidden."""
    return {name: HIDDEN if name in launch.secrets else value for name, value in sorted(launch.env.items())}


def _secrets(run: Run, environ: Mapping[str, str]) -> dict[str, str]:
    """The job's secrets. A follow-up goes without those that are missing: it may be about to tell somebody just that."""
    if not run.is_follow_up:
        return secret_values(run.definition.secrets, environ)
    found: dict[str, str] = {}
    for name in run.definition.secrets:
        with suppress(NotPreparable):
            found |= secret_values([name], environ)
    return found


def _about(run: Run, run_dir: Path, repository_root: Path) -> dict[str, str]:
    trigger = run.trigger
    about = {
        "OCTOJOBS_JOB": run.job,
        "OCTOJOBS_RUN_ID": run.id,
        "OCTOJOBS_SCHEDULED_AT": format_instant(run.due),
        "OCTOJOBS_ATTEMPT": str(run.attempt),
        "OCTOJOBS_REPO": str(repository_root),
        "OCTOJOBS_COMMIT": (trigger.commit if trigger else "") or run.commit,
        "OCTOJOBS_RUN_DIR": str(run_dir),
        "OCTOJOBS_RESULT": f"{run_dir}/{RESULT_FILE}",
        "OCTOJOBS_LAST_SUCCESS_AT": "",  # empty, not missing: `set -u` is common in shell jobs
        "OCTOJOBS_TRIGGER": run.cause.value,
    }
    if trigger is not None or isinstance(run.definition.when, Triggered):  # such a job may be run by hand, too
        about |= {"OCTOJOBS_REF": trigger.ref if trigger else "", "OCTOJOBS_BEFORE": trigger.before if trigger else ""}
    if (trigger is not None and trigger.task) or isinstance(run.definition.when, TaskWhen):
        about["OCTOJOBS_TASK"] = trigger.task if trigger else ""
    if not run.is_follow_up and isinstance(run.definition.when, JobWhen):
        about["OCTOJOBS_PARENT_RUN_ID"] = trigger.run if trigger else ""
    return about
