"""Problems as a SARIF 2.1.0 log, which code scanning services read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from octojobs import __version__
from octojobs.errors import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULE = "definitions"


def as_sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    """One run with one result for each problem; columns count Unicode code points, as ours do."""
    rule = {"id": _RULE, "shortDescription": {"text": "Definitions of jobs are valid"}}
    driver = {"name": "octojobs", "version": __version__, "rules": [rule]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(problem) for problem in problems]}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(problem: Problem) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(problem.path)}}
    if problem.line:
        location["region"] = {"startLine": problem.line, "startColumn": problem.column}
    text = f"{problem.what}; {problem.fix}" if problem.fix else problem.what
    return {
        "ruleId": _RULE,
        "level": problem.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    }
