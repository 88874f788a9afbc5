"""What "since the last success" means is kept in the state, over the daemons that come and go."""

from __future__ import annotations

import json
from pathlib import Path

from tests.helpers import commit_files, git, octojobs

JOBS = """
version: 1
jobs:
  check:
    manual: true
    command: test ! -e broken
    conditions: [{paths_changed: ["src/**"]}]
    when_blocked: skip
"""


def test_a_job_runs_again_when_its_paths_changed_since_it_succeeded(repo: Path) -> None:
    """A failed run has seen nothing: the next one looks at the same changes again."""
    first = commit_files(repo, {".octopoid/jobs.yaml": JOBS, "src/a.py": "1"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    for _ in range(2):
        octojobs(repo, "run-now", "check")
    commit_files(repo, {"docs/x.md": "1"})
    octojobs(repo, "run-now", "check")
    commit_files(repo, {"src/a.py": "2", "broken": ""})
    for _ in range(2):
        octojobs(repo, "run-now", "check")
    git(repo, "rm", "--quiet", "broken")
    git(repo, "commit", "--quiet", "--message", "mended")
    for _ in range(2):
        octojobs(repo, "run-now", "check")
    runs = reversed(json.loads(octojobs(repo, "runs", "check", "--json").stdout)["runs"])
    guard = "paths_changed(paths: src/**, ref: HEAD, since: last_success)"
    last = git(repo, "rev-parse", "HEAD")[:12]
    assert [(run["outcome"], run["reason"] if run["outcome"] == "skipped" else "") for run in runs] == [
        ("succeeded", ""),
        ("skipped", f"{guard}: nothing changed since {first[:12]}"),
        ("skipped", f"{guard}: 1 path changed since {first[:12]}, none of src/**"),
        ("failed", ""),
        ("failed", ""),
        ("succeeded", ""),
        ("skipped", f"{guard}: nothing changed since {last}"),
    ]
