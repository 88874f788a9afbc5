"""Checks the definitions in the working tree, so that a broken file is known before somebody commits it."""

from __future__ import annotations

from typing import Any

from octojobs.config.contents import load
from octojobs.config.loader import Loader
from octojobs.config.source import WorktreeSource
from octojobs.runners.context import JobContext


class Broken(Exception):
    """The definitions have problems; the message has all of them, a line each."""


def check_definitions(context: JobContext) -> dict[str, Any]:
    """The number of jobs and the warnings; raises Broken, with every problem as `file:line:col`, when a file is invalid."""
    loaded = load(WorktreeSource(context.repository), Loader())
    if loaded.definitions is None:
        raise Broken("\n" + "\n".join(str(problem) for problem in loaded.problems))
    warnings = [str(problem) for problem in loaded.definitions.warnings]
    for warning in warnings:
        context.logger.warning("%s", warning)
    context.logger.info("%d jobs, all valid", len(loaded.definitions.jobs))
    return {"jobs": len(loaded.definitions.jobs), "warnings": warnings}
