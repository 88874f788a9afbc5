"""Names of jobs and runs, validated once, at construction."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Self

JOB_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}")
RUN_ID = re.compile(
    r"(?P<job>[A-Za-z_][A-Za-z0-9_.-]{0,62})@(?P<due>\d{8}T\d{6}Z)(?P<suffix>-[0-9a-f]{4})?(?P<follow_up>\+on_(?:start|success|failure))?"
)


class InvalidId(ValueError):
    """The text is not the name of a job or of a run."""


class JobId(str):
    """The name of a job: `^[A-Za-z_][A-Za-z0-9_.-]{0,62}$`, safe as a file name.

    >>> JobId("nightly")
    'nightly'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The name, checked; raises InvalidId."""
        if not JOB_ID.fullmatch(text):
            raise InvalidId(f"{text!r} is not a job name: a letter or _ first, then letters, digits, _ . -, 63 at most")
        return super().__new__(cls, text)


ASKED = JobId("_agent")
"""Whose runs are those that somebody asked an agent for by hand; no file declares it."""


class RunId(str):
    """The name of a run: job, `@`, due instant, and for one started by hand four hex digits; safe as a file name.

    >>> RunId("nightly@20261120T020000Z").job
    'nightly'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The id, checked; raises InvalidId."""
        if not RUN_ID.fullmatch(text):
            raise InvalidId(f"{text!r} is not a run id such as nightly@20261120T020000Z")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, job: JobId, due: datetime, suffix: str = "") -> RunId:
        """The run of `job` for the due instant; `suffix` is four hex digits for one started by hand.

        >>> RunId.of(JobId("nightly"), datetime(2026, 11, 20, 10, 15, 12, tzinfo=UTC), "3f2c")
        'nightly@20261120T101512Z-3f2c'
        """
        return cls(f"{job}@{due.astimezone(UTC):%Y%m%dT%H%M%SZ}" + (f"-{suffix}" if suffix else ""))

    @property
    def job(self) -> JobId:
        """The job that this run belongs to."""
        return JobId(self.partition("@")[0])

    def follow_up(self, event: str) -> RunId:
        """The run of what this run's `on_start`, `on_success` or `on_failure` names."""
        return RunId(f"{self}+{event}")
