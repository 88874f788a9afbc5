"""What the loader lets through, the guards understand: the two lists of names and arguments agree."""

from __future__ import annotations

import re

from octojobs.conditions.judging import argument_problems
from octojobs.conditions.registry import names
from octojobs.config.blob import blob_id
from octojobs.config.loader import Loader
from octojobs.config.schema import properties
from octojobs.core.guards import conditions_in
from octojobs.core.identity import JobId
from tests.helpers import ROOT

JOBS = """
jobs:
  all:
    manual: true
    command: "true"
    conditions:
      - no_agents_running
      - not: agents_quiescent
      - any: [{on_branch: main}, {on_branch: [dev, "release/*"]}]
      - worktree_clean
      - {file_exists: docs}
      - {between: {from: "22:00", to: "6:00"}}
      - {quiet_for: 10m}
      - not_paused
      - {ref_exists: refs/tags/v*}
      - {ref_exists: {ref: HEAD}}
      - ref_changed
      - {ref_changed: refs/heads/main}
      - {ref_changed: {ref: refs/heads/main, since: refs/tags/deployed}}
      - {paths_changed: src/**}
      - {paths_changed: [src/**, "!src/x"]}
      - {paths_changed: {paths: docs, ref: refs/heads/main, since: last_success}}
      - {branch_merged: fix-1}
      - {branch_merged: {branch: fix-1, into: refs/remotes/origin/main}}
      - {behind_upstream: 3}
      - {behind_upstream: {max: 0, branch: main}}
      - {load_below: 4}
      - {load_below: {per_core: 0.8}}
      - {disk_free: 10GB}
      - {disk_free: {min: 1GiB, path: /tmp}}
      - on_ac_power
      - network
      - {network: github.com}
      - {network: {host: "::1", port: 22}}
      - {queue_below: {state: incoming, max: 20}}
      - queue_not_empty
      - {queue_not_empty: provisional}
      - no_active_leases
      - {lease_free: {task: 7e0e8c52}}
      - {lease_free: {branch: fix-1}}
      - {worktrees_idle: 10m}
      - {worktrees_idle: {for: 1h}}
      - {agent_worktrees: 5}
      - {agent_worktrees: {max: 0}}
      - {budget_left: {usd: 5}}
      - {budget_left: {tokens: 2000000, of: all, per: month}}
      - agent_slots_free
      - {agent_slots_free: 2}
      - {agent_slots_free: {min: 2}}
      - no_worktree_ahead
      - {no_worktree_ahead: {of: main}}
      - {command: make check}
      - {command: [make, check]}
      - has_open_prs
      - has_stale_prs
      - {has_stale_prs: {older_than: 24h}}
      - ci_green
      - {ci_green: main}
      - {ci_green: {ref: refs/remotes/origin/main}}
      - mine
      - {ours: {count: 2}}
"""
SETTINGS = """
conditions:
  mine: {command: "true"}
  ours: {function: "checks:ours"}
"""


def test_the_schema_and_the_registry_name_the_same_guards() -> None:
    """A guard in one alone could be written and not judged, or judged and not written."""
    assert set(properties("jobs", "condition")) - {"any", "not"} == set(names())


def test_every_guard_stands_in_the_page_about_guards() -> None:
    """With what it holds on, and where that is read."""
    table = [line for line in (ROOT / "docs/guards.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    described = {re.split(r"[`:]", line.removeprefix("| `"))[0] for line in table}
    assert set(names()) - described == set()


def test_every_guard_that_loads_can_be_judged() -> None:
    """The loader normalises the arguments to what the guards take."""
    files = {path: (blob_id(text.encode()), text.encode()) for path, text in FILES.items()}
    loaded = Loader().load(files, source="worktree")
    assert loaded.definitions is not None, loaded.problems
    conditions = list(conditions_in(loaded.definitions.jobs[JobId("all")].conditions))
    assert {condition.name for condition in conditions} == {*names(), "mine", "ours"}
    assert [problem for condition in conditions for problem in argument_problems(condition, loaded.definitions.settings)] == []


FILES = {".octopoid/jobs.yaml": JOBS, ".octopoid/octojobs.yaml": SETTINGS}
