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


def outcome_of_a_run(repo: Path) -> tuple[str, str]:
    """Ask for a run, and what became of it."""
    octojobs(repo, "run-now", "check")
    run = json.loads(octojobs(repo, "runs", "check", "--limit", "1", "--json").stdout)["runs"][0]
    return run["outcome"], run["reason"]


def test_a_job_runs_again_when_its_paths_changed_since_it_succeeded(repo: Path) -> None:
    """A failed run has seen nothing: the next one looks at the same changes again."""
    first = commit_files(repo, {".octopoid/jobs.yaml": JOBS, "src/a.py": "1"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    guard = "paths_changed(paths: src/**, ref: HEAD, since: last_success)"
    assert outcome_of_a_run(repo)[0] == "succeeded"
    assert outcome_of_a_run(repo) == ("skipped", f"{guard}: nothing changed since {first[:12]}")
    commit_files(repo, {"docs/x.md": "1"})
    assert outcome_of_a_run(repo) == ("skipped", f"{guard}: 1 path changed since {first[:12]}, none of src/**")
    commit_files(repo, {"src/a.py": "2", "broken": ""})
    assert outcome_of_a_run(repo)[0] == "failed"
    assert outcome_of_a_run(repo)[0] == "failed"
    git(repo, "rm", "--quiet", "broken")
    git(repo, "commit", "--quiet", "--message", "mended")
    assert outcome_of_a_run(repo)[0] == "succeeded"
    assert outcome_of_a_run(repo)[0] == "skipped"
    why = octojobs(repo, "why", "check").stdout
    assert f"Condition {guard} did not hold: nothing changed since {git(repo, 'rev-parse', 'HEAD')[:12]}." in why
