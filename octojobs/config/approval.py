"""The approved plan of a repository, and what runs while a changed one waits: for `octojobs allow`, or for its signatures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from octojobs.config.pins import PinFinder, Pins
from octojobs.config.trust import Level, plan_file, read_private, record_file, require, write_private
from octojobs.core.definitions import JOBS_FILE, Definitions
from octojobs.core.job import Job
from octojobs.errors import NotTrusted
from octojobs.repository import Repository
from octojobs.signatures import read_signers, signers_file, unvouched
from octojobs.slotted import dataclass

_NAMED = 3
"""Scripts in a sentence; `octojobs allow` shows all of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Definition files that somebody read and approved: path to blob id and content; `source` is where they came from.

    `pins` are the scripts that the jobs name, path to blob id.
    """

    source: str
    files: Mapping[str, tuple[str, bytes]]
    jobs_file: str = JOBS_FILE
    pins: Mapping[str, str] = field(default_factory=dict)

    @property
    def listing(self) -> dict[str, str]:
        """Path to blob id."""
        return {path: oid for path, (oid, _) in self.files.items()}


class Approval:
    """What the user approved in this repository, read anew at each question: `octojobs allow` runs in another process.

    `records` says whether a plan that its signatures vouch for is written down as approved; who only looks writes nothing.
    """

    def __init__(self, repository: Repository, *, records: bool = True) -> None:
        self._repository = repository
        self._records = records
        self._finder = PinFinder(repository)

    def read(self) -> Plan | None:
        """The approved plan; None at level `repository`, where nothing waits. NotTrusted when the trust was taken back."""
        if not require(self._repository).level.keeps_plan:
            return None
        plan = approved(self._repository)
        if plan is None:
            raise NotTrusted(f"no plan of {self._repository.main_worktree} is approved", "run `octojobs allow` again")
        return plan

    def pins(self, source: str, *definitions: Definitions) -> Pins:
        """What stands at `source`, a commit or the working tree, where their jobs name scripts. Raises GitFailed."""
        return self._finder.find(source, definitions)

    def obstacle(self, plan: Plan, proposed: Plan, scripts: Sequence[str] = ()) -> str:
        """Why `proposed` has to wait for `octojobs allow`, in words; "" when signatures vouch for it, and it is approved now.

        `scripts` are the paths of those that are other ones than the approved.
        """
        before, after = plan.listing, proposed.listing
        touched = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        what = "the plan" if touched else _scripts(scripts)
        if require(self._repository).level is not Level.SIGNED:
            return f"changes {what} and waits for `octojobs allow`"
        touched += scripts
        why = unvouched(self._repository, plan.source, proposed.source, touched, read_signers(signers_file(os.environ)))
        if why:
            return f"changes {what}, and {why}: it waits for `octojobs allow`"
        if self._records:
            approve(self._repository, proposed)
        return ""

    def watch_files(self) -> tuple[Path, ...]:
        """The files that `allow` and `deny` change, and that of the signers."""
        return record_file(self._repository), plan_file(self._repository), signers_file(os.environ)


def _scripts(paths: Sequence[str]) -> str:
    """Some of them by name."""
    more = len(paths) - _NAMED
    return f"what jobs run ({', '.join(paths[:_NAMED])}{f' and {more} more' if more > 0 else ''})"


def approve(repository: Repository, plan: Plan) -> None:
    """Record the plan, contents and all: it must be able to run after the repository has moved on."""
    write_private(plan_file(repository), plan_record(plan))


def approved(repository: Repository) -> Plan | None:
    """The plan that was approved last, None when there is none; NotTrusted when its file can't be relied on."""
    record = read_private(plan_file(repository))
    if record is None:
        return None
    try:
        return plan_from(record)
    except ValueError as error:
        raise NotTrusted(f"{plan_file(repository)} is not an approved plan", "run `octojobs allow` again") from error


def plan_record(plan: Plan) -> dict[str, Any]:
    """The plan as a JSON object."""
    files = {path: {"blob": oid, "text": content.decode("utf-8", "surrogateescape")} for path, (oid, content) in plan.files.items()}
    return {"v": 1, "source": plan.source, "jobs_file": plan.jobs_file, "files": files, "pins": dict(plan.pins)}


def plan_from(record: Mapping[str, Any]) -> Plan:
    """The plan that `plan_record` made the object of; ValueError when it is none."""
    try:
        files = {path: (file["blob"], file["text"].encode("utf-8", "surrogateescape")) for path, file in record["files"].items()}
        pins = {path: str(oid) for path, oid in record.get("pins", {}).items()}  # 0.1.0 pinned nothing: its jobs' scripts wait
        return Plan(str(record["source"]), files, str(record["jobs_file"]), pins)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("it is not a plan") from error


def effective(before: Definitions, proposed: Definitions) -> Definitions:
    """What runs while `proposed` waits: the approved jobs as approved, but for those that it takes away or disables.

    Taking away needs nobody's approval; settings and everything that was added or changed do.
    """
    jobs = {name: _reduced(job, proposed.jobs[name]) for name, job in before.jobs.items() if name in proposed.jobs}
    taken = sorted(name for name, job in before.jobs.items() if jobs.get(name) != job)
    if not taken:
        return before
    digest = hashlib.sha256("\n".join([before.digest, *taken]).encode()).hexdigest()
    return replace(before, jobs=jobs, digest=digest)


def _reduced(job: Job, proposed: Job) -> Job:
    return replace(job, enabled=False) if job.enabled and not proposed.enabled else job
