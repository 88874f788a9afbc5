"""The source systems' own examples of jobs, as they stand there, mean what they meant there."""

from __future__ import annotations

import json

import pytest
import yaml
from jsonschema import Draft7Validator

from octojobs.core.guards import Condition
from octojobs.core.job import AgentAction, Backoff, CommandAction, JobType, Priority, ScriptAction
from octojobs.core.sandbox import Backend, Sandbox
from octojobs.core.when import IntervalWhen, ScheduleWhen
from tests.config.loading import JOBS, jobs_of, load, schema_file

OCTOPOID = """\
# .octopoid/jobs.yaml
jobs:
  lease_monitor:
    interval: 120
    type: script
    run: orchestrator.housekeeping:check_expired_leases

  worktree_sweeper:
    interval: 3600
    type: script
    run: orchestrator.housekeeping:sweep_stale_worktrees
    conditions:
      - no_agents_running  # don't sweep while agents are active

  branch_cleanup:
    interval: 3600
    type: script
    run: orchestrator.housekeeping:cleanup_merged_branches

  stale_pr_reviewer:
    interval: 7200
    type: agent
    agent: reviewer
    prompt: "Review PRs older than 24 hours that haven't been merged"
    conditions:
      - has_stale_prs
"""

# The RFC's TOML job as YAML, with the same keys and values.
KODER = """\
slug: "weekly-stack-audit"
prompt: "/k-housekeep"
agent: "kode"               # or "kortex", "custom-agent-id"
schedule: "0 9 * * MON"     # cron expr; or "@once 2026-05-15T10:00Z"
sandbox: {backend: "docker", image: "koder-cli:latest"}
output: {channel: "kode-chat:user-rpm32510"}
retries: {max: 3, backoff: "exponential"}
timeout: "30m"
enabled: true
"""

TASKS_LOOP = """\
# jobs/example-daily.yaml
id: example-daily
name: Daily Health Check
description: Check system health every day at 2am
command: echo "Health check complete"
schedule: "0 2 * * *"  # Cron: 2am daily
priority: medium
enabled: true
max_retries: 2
timeout_seconds: 300
"""


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def test_octopoids_jobs_load_as_they_are_written() -> None:
    """Intervals are seconds, script jobs name functions, conditions are names, and an agent job keeps its prompt."""
    jobs = jobs_of(OCTOPOID)
    assert list(jobs) == ["lease_monitor", "worktree_sweeper", "branch_cleanup", "stale_pr_reviewer"]
    assert jobs["lease_monitor"].when == IntervalWhen(120)
    assert jobs["lease_monitor"].action == ScriptAction("orchestrator.housekeeping:check_expired_leases")
    assert jobs["worktree_sweeper"].conditions == (Condition("no_agents_running"),)
    assert jobs["stale_pr_reviewer"].conditions == (Condition("has_stale_prs"),)
    assert jobs["stale_pr_reviewer"].action == AgentAction(
        prompt="Review PRs older than 24 hours that haven't been merged", agent="reviewer"
    )


def test_every_job_of_octopoid_has_a_type_that_runs() -> None:
    """Three call functions, one asks an agent."""
    jobs = jobs_of(OCTOPOID)
    assert [job.type for job in jobs.values()] == [JobType.SCRIPT, JobType.SCRIPT, JobType.SCRIPT, JobType.AGENT]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (JOBS, "jobs:\n  - " + _indented(KODER).strip().replace("\n", "\n  ")),
        (JOBS, "job:\n" + _indented(KODER)),
        (JOBS, "jobs:\n  weekly-stack-audit:\n" + _indented(_indented(KODER))),
        (".octopoid/jobs/audit.yaml", KODER),
        (".octopoid/jobs/audit.yaml", "job:\n" + _indented(KODER)),
    ],
    ids=["an item of a list", "the table job", "by name", "a file of its own", "a file with the table job"],
)
def test_the_koder_job_loads_wherever_it_stands(path: str, text: str) -> None:
    """Its sandbox, output channel, retries and timeout are kept, in every form that a file can have."""
    definitions = load(more={path: text}).definitions
    assert definitions is not None
    (job,) = definitions.jobs.values()
    assert (job.id, job.when, job.pool) == ("weekly-stack-audit", ScheduleWhen(("0 9 * * MON",)), "agents")
    assert job.action == AgentAction(
        prompt="/k-housekeep",
        agent="kode",
    )
    assert job.output == "kode-chat:user-rpm32510"
    assert job.sandbox == Sandbox(Backend.DOCKER, "koder-cli:latest")
    assert (job.retries.max, job.retries.backoff, job.limits.timeout_s, job.enabled) == (3, Backoff.EXPONENTIAL, 1800, True)


def test_the_tasks_loop_job_loads_as_it_is_written() -> None:
    """`id` is the name, `name` the title, and the seconds and retries are what they say."""
    definitions = load(more={".octopoid/jobs/example-daily.yaml": TASKS_LOOP}).definitions
    assert definitions is not None
    (job,) = definitions.jobs.values()
    assert (job.id, job.title) == ("example-daily", "Daily Health Check")
    assert job.description == "Check system health every day at 2am"
    assert job.action == CommandAction('echo "Health check complete"')
    assert (job.when, job.priority, job.retries.max, job.limits.timeout_s) == (ScheduleWhen(("0 2 * * *",)), Priority.MEDIUM, 2, 300)


@pytest.mark.parametrize(
    "text", [OCTOPOID, KODER, "job:\n" + _indented(KODER), TASKS_LOOP], ids=["octopoid", "koder", "koder's table", "tasks-loop"]
)
def test_the_published_schema_accepts_the_examples(text: str) -> None:
    """What an editor says agrees with what the loader says."""
    schema = json.loads(schema_file("jobs").read_text(encoding="utf-8"))
    assert list(Draft7Validator(schema).iter_errors(yaml.safe_load(text))) == []
