"""What an importer found: jobs as they would be declared, and what stands in the way of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from octojobs.errors import Problem
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class ForeignJob:
    """A job of another scheduler with the fields that it has here.

    `line` and `column`, from 1, say where it stands there; `places` where what became a field stands, as far as that is known.
    """

    name: str
    fields: Mapping[str, Any]
    line: int
    column: int
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """The jobs that can be had, in the order of the file; an error tells of a line that was left out, a warning of a difference."""

    jobs: tuple[ForeignJob, ...]
    problems: tuple[Problem, ...]
