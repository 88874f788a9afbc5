"""The names of spans: they follow from the run, so whoever ends it knows what its beginning was called."""

from __future__ import annotations

import hashlib

from octojobs.core.run import Run


def trace_id(run_id: str, salt: str) -> int:
    """The trace of a run, and of the runs of its hooks; `salt` is the repository's. 128 bits, never 0.

    >>> trace_id("a@20261120T100000Z", "s") == trace_id("a@20261120T100000Z+on_failure", "s")
    True
    """
    return _number(f"{salt} trace {run_id.partition('+')[0]}", 16)


def run_span(run_id: str, salt: str) -> int:
    """The span of a run, from its claim to its end. 64 bits, never 0."""
    return _number(f"{salt} run {run_id}", 8)


def attempt_span(run_id: str, attempt: int, salt: str) -> int:
    """The span of one attempt, in which what the job does is told. 64 bits, never 0."""
    return _number(f"{salt} attempt {attempt} of {run_id}", 8)


def traceparent(run: Run, salt: str) -> str:
    """The context that the run's process is handed, as W3C Trace Context writes it: sampled."""
    return f"00-{trace_id(run.id, salt):032x}-{attempt_span(run.id, run.attempt, salt):016x}-01"


def _number(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big") or 1
