"""What became of a run's worktree, in words for its output and as data for its result."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from octojobs.core.one_line import spelled
from octojobs.runners.context import write_whole
from octojobs.runners.environment import RESULT_FILE
from octojobs.runners.receipts import read_result
from octojobs.runners.sandbox.trees import Taken
from octojobs.store.paths import StatePaths

RESULT_KEY = "sandbox"


def report(paths: StatePaths, taken: Taken) -> None:
    """Say in the output and in the run's result what was kept, or why it was not."""
    for line in in_words(taken):
        say(line)
    told = as_data(taken)
    run_dir = paths.run_dir(taken.whose.run, taken.whose.attempt)
    if not told:
        return
    try:
        result = read_result(run_dir) if (run_dir / RESULT_FILE).exists() else {}
        if isinstance(result, dict):
            write_whole(run_dir / RESULT_FILE, json.dumps({**result, RESULT_KEY: told}, ensure_ascii=False))
    except OSError as error:
        say(f"the result can't be written: {error.strerror}")


def as_data(taken: Taken) -> dict[str, Any]:
    """`branch`, `commits`, `patch`, `refs` and `worktree`, as far as there is something to tell."""
    told: dict[str, Any] = {}
    if taken.work.branch:
        told |= {"branch": taken.work.branch.removeprefix("refs/heads/"), "commits": taken.work.commits}
    if taken.work.patch is not None:
        told["patch"] = str(taken.work.patch)
    if taken.refs:
        told["refs"] = dict(taken.refs)
    if taken.problem:
        told["worktree"] = str(taken.path)
    return told


def in_words(taken: Taken) -> Iterator[str]:
    """The same, line by line."""
    if taken.work.branch:
        counted = "1 commit is" if taken.work.commits == 1 else f"{taken.work.commits} commits are"
        yield f"{counted} kept on branch {taken.work.branch.removeprefix('refs/heads/')}"
    if taken.work.patch is not None:
        yield f"what was not committed is in {taken.work.patch}; `git apply --index` takes it"
    if taken.refs:
        moved = ", ".join(f"{name} {'to ' + commit[:12] if commit else 'away'}" for name, commit in taken.refs.items())
        yield f"refs are where they were; in the sandbox it moved {moved}"
    if taken.problem:
        yield f"{taken.path} stays as it is: {taken.problem}"


def say(text: str) -> None:
    """A line of octojobs' own in the run's output."""
    sys.stderr.write(f"octojobs: {spelled(text)}\n")
    sys.stderr.flush()
