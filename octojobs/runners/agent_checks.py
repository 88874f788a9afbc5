"""Whether a run that its program calls a success has left what its job expects: looked at in its worktree, before that is taken in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from octojobs.agents.verdict import OK, UNVERIFIED, Verdict
from octojobs.commits import changed_paths, commits_since
from octojobs.core.definitions import Settings
from octojobs.core.expect import Changes, Check, Expect, Worth, checks_of_changes, told, worth
from octojobs.errors import OctojobsError
from octojobs.facts.fact import FactContext, Unreadable, one_line
from octojobs.facts.pull_requests import heads
from octojobs.repository import Repository
from octojobs.slotted import dataclass

MOST_COMMITS = 1_000
_FENCED = re.compile(r"^```[A-Za-z]*[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a run has worked: its worktree and the commit that it began at ("" for a shared one), the state folder, its environment.

    `execute` runs an argument vector there; the exit code, and the last line that it printed. It raises OSError.
    """

    repository: Repository
    folder: Path
    base: str
    state: Path
    environ: Mapping[str, str]
    execute: Callable[[tuple[str, ...]], tuple[int, str]]


def examined(verdict: Verdict, expect: Expect, scene: Scene) -> Verdict:
    """The verdict with what the run was worth; `unverified` where that is it. One that is no success stays as it is."""
    if verdict.status != OK or expect == Expect():
        return verdict
    changes: Changes | None = None
    try:
        changes = _changes(scene) if scene.base else Changes()
        checks = checks_of_changes(expect, changes)
    except OctojobsError as error:
        checks = [Check(name, None, str(error)) for name in expect.of_change or ("worktree",)]
    if expect.json_schema is not None:
        checks.append(_answer(verdict.text, expect.json_schema))
    if expect.command:
        checks.append(_command(expect.command, scene))
    if expect.pr and changes is not None:
        checks.append(_pull_request(changes, scene))
    checks = [replace(check, evidence=one_line(check.evidence)) for check in checks]  # names of files are anybody's
    found = worth(expect, changes, checks)
    verdict = replace(verdict, verdict=found.value, checks=tuple(checks))
    return replace(verdict, status=UNVERIFIED, error=told(checks)) if found is Worth.UNVERIFIED else verdict


def _changes(scene: Scene) -> Changes:
    """What differs from the run's first commit, committed or not; files that git ignores don't count."""
    inside = Repository.discover(scene.folder)  # a sandbox may have a clone
    head = inside.head(scene.folder).commit or scene.base
    committed = changed_paths(inside, scene.base, head) if head != scene.base else ()
    files = sorted({*committed, *inside.changed_files(scene.folder)})
    return Changes(tuple(files), commits_since(inside, scene.base, head, MOST_COMMITS))


def _answer(text: str, schema: Mapping[str, Any]) -> Check:
    """Whether the answer is JSON, alone or in its only fenced block, and fits."""
    from jsonschema import Draft7Validator, validators  # 100 ms that only a job with a schema pays
    from jsonschema.exceptions import best_match
    from referencing import Registry  # comes with it
    from referencing.exceptions import Unresolvable

    fenced = _FENCED.findall(text)
    try:
        value = json.loads(fenced[0] if len(fenced) == 1 else text)
    except (ValueError, RecursionError):
        return Check("json_schema", False, f"the answer is no JSON: {one_line(text, 80)}" if text.strip() else "there is no answer")
    kind = validators.validator_for(schema, default=Draft7Validator)
    try:
        fault = best_match(kind(schema, registry=Registry()).iter_errors(value))  # of its own: the default one asks the network
    except Unresolvable as error:
        return Check("json_schema", None, f"the schema refers to what is not in it: {error}")
    except (RecursionError, ArithmeticError) as error:
        return Check("json_schema", None, f"the schema has no answer to it: {error}")
    if fault is None:
        return Check("json_schema", True, "the answer fits")
    return Check("json_schema", False, one_line(f"{fault.json_path}: {fault.message}"))


def _command(argv: tuple[str, ...], scene: Scene) -> Check:
    try:
        code, last = scene.execute(argv)
    except OSError as error:
        return Check("command", None, f"{argv[0]} can't be started: {(error.strerror or type(error).__name__).lower()}")
    said = f": {one_line(last)}" if last and code else ""
    return Check("command", code == 0, f"{one_line(argv[0])} exited with {code}{said}")


def _pull_request(changes: Changes, scene: Scene) -> Check:
    if not changes.commits:
        return Check("pr", False, "there is no commit that a pull request could end with")
    context = FactContext(
        scene.repository, scene.repository.main_worktree, scene.state, Settings(), datetime.now(UTC), environ=dict(scene.environ)
    )
    try:
        found = [number for number, head in heads(changes.commits[0], context) if head in changes.commits]
    except (Unreadable, OctojobsError) as error:
        return Check("pr", None, str(error))
    if found:
        return Check("pr", True, f"pull request {found[0]}")
    return Check("pr", False, f"no open pull request ends with commit {changes.commits[0][:12]}")
