"""How the tests of the definitions load texts: as files of a repository, with no disk in between."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from octojobs.config.blob import blob_id
from octojobs.config.loader import Loaded, Loader
from octojobs.core.job import Job

JOBS = ".octopoid/jobs.yaml"
SETTINGS = ".octopoid/octojobs.yaml"


def files(texts: Mapping[str, str]) -> dict[str, tuple[str, bytes]]:
    """Path to blob id and content, as the loader takes them."""
    return {path: (blob_id(text.encode()), text.encode()) for path, text in texts.items()}


def load(
    jobs: str | None = None, settings: str | None = None, *, now: datetime | None = None, more: Mapping[str, str] | None = None
) -> Loaded:
    """What a fresh loader makes of `jobs.yaml`, `octojobs.yaml` and more files by path."""
    texts = {JOBS: jobs, SETTINGS: settings, **(more or {})}
    return Loader().load(files({path: text for path, text in texts.items() if text is not None}), source="worktree", now=now)


def problems(
    jobs: str | None = None, settings: str | None = None, *, now: datetime | None = None, more: Mapping[str, str] | None = None
) -> list[str]:
    """The messages of all problems in the order in which they are shown; `jobs.yaml` is left out before a line number."""
    return [str(problem).removeprefix(f"{JOBS}:" if problem.line else "") for problem in load(jobs, settings, now=now, more=more).problems]


def jobs_of(jobs: str, settings: str | None = None, more: Mapping[str, str] | None = None) -> dict[str, Job]:
    """The jobs by name; fails with the problems where there are some."""
    loaded = load(jobs, settings, more=more)
    assert loaded.definitions is not None, "\n".join(map(str, loaded.problems))
    return {str(name): job for name, job in loaded.definitions.jobs.items()}


def job_with(fields: str, settings: str | None = None) -> Job:
    """The job `it`, a manual `true` with these further fields (a YAML flow, without braces)."""
    text = ", ".join(part for part in ("manual: true, command: 'true'", fields) if part)
    return jobs_of(f"jobs: {{it: {{{text}}}}}\n", settings)["it"]


def schema_file(name: str) -> Path:
    """The schema of that name in this repository."""
    return Path(__file__).parents[2] / "schemas" / f"{name}.schema.json"
