"""Jobs of octopoid's scheduler: the draft's mapping as it stands, and the list that its scheduler reads."""

from __future__ import annotations

from octojobs.config.exchange.octopoid import jobs_of
from tests.config.test_seeds import OCTOPOID

LIST = """\
jobs:
  # Local: before the poll
  - name: check_finished_agents
    interval: 10
    type: script
    group: local

  - name: send_heartbeat
    type: script
    group: remote

  - name: codebase_analyst
    interval: 86400
    type: agent
    group: remote
    max_instances: 2
    agent_config:
      role: analyse
      spawn_mode: scripts
      lightweight: true
      agent_dir: .octopoid/agents/codebase-analyst
"""


def told(text: str) -> list[str]:
    """The problems of a text, one a line."""
    return [str(problem) for problem in jobs_of("jobs.yaml", text.encode()).problems]


def test_the_jobs_of_the_draft_are_the_same_here() -> None:
    """Every field means here what it meant there, and nothing is left out."""
    found = jobs_of("jobs.yaml", OCTOPOID.encode())
    assert found.problems == ()
    assert {job.name: dict(job.fields) for job in found.jobs} == {
        "lease_monitor": {"interval": 120, "type": "script", "run": "orchestrator.housekeeping:check_expired_leases"},
        "worktree_sweeper": {
            "interval": 3600,
            "type": "script",
            "run": "orchestrator.housekeeping:sweep_stale_worktrees",
            "conditions": ["no_agents_running"],
        },
        "branch_cleanup": {"interval": 3600, "type": "script", "run": "orchestrator.housekeeping:cleanup_merged_branches"},
        "stale_pr_reviewer": {
            "interval": 7200,
            "type": "agent",
            "agent": "reviewer",
            "prompt": "Review PRs older than 24 hours that haven't been merged",
            "conditions": ["has_stale_prs"],
        },
    }


def test_a_function_that_is_found_by_its_jobs_name_is_named() -> None:
    """In octopoid a registry does; a job without an interval runs each minute there."""
    found = jobs_of("jobs.yaml", LIST.encode())
    assert [(job.name, job.line) for job in found.jobs] == [("check_finished_agents", 3), ("send_heartbeat", 8), ("codebase_analyst", 12)]
    assert found.jobs[0].fields == {
        "interval": 10,
        "type": "script",
        "group": "local",
        "run": "orchestrator.jobs:check_finished_agents",
    }
    assert found.jobs[1].fields == {"interval": 60, "type": "script", "group": "remote", "run": "orchestrator.jobs:send_heartbeat"}
    (own,) = jobs_of("jobs.yaml", b"jobs: [{name: a, interval: 5, group: local}]", module="my.jobs").jobs
    assert own.fields["run"] == "my.jobs:a"


def test_an_agent_is_named_by_its_folder_and_how_it_is_spawned_is_told() -> None:
    """Its prompt stands beside it; several at once are an overlap."""
    found = jobs_of("jobs.yaml", LIST.encode())
    assert found.jobs[2].fields == {
        "interval": 86400,
        "type": "agent",
        "group": "remote",
        "agent": "codebase-analyst",
        "prompt_file": ".octopoid/agents/codebase-analyst/prompt.md",
        "overlap": "allow",
        "max_instances": 2,
    }
    assert [str(problem) for problem in found.problems] == [
        (
            'jobs.yaml:10:5: warning: job "send_heartbeat": octopoid hands send_heartbeat() what it has polled from its server, '
            "octojobs does not; let the function ask for it itself"
        ),
        (
            'jobs.yaml:17:5: warning: job "codebase_analyst": spawn_mode, lightweight of agent_config left out: '
            "how octopoid spawns an agent; the agent's own profile says it here"
        ),
    ]


def test_what_can_not_be_carried_over_is_told_with_its_place() -> None:
    """Each with the line, the reason, and the remedy."""
    assert told("jobs:\n  - {name: a, type: agent}\n  - {name: b, type: shell}\n  - {name: 9 to 5}\n  - tidy\n") == [
        'jobs.yaml:2:6: job "a": it has no prompt, and names no agent_dir that has one; add `prompt:`',
        'jobs.yaml:3:15: job "b": octopoid has no type "shell"; write script or agent',
        "jobs.yaml:4:6: '9 to 5' is not a job name; a letter or _ first, then letters, digits, _ . -, 63 at most",
        "jobs.yaml:5:5: this is no job; write its fields as `name: value`",
    ]
    assert told("jobs: [{name: a, run: 'm:f', intervall: 5}]") == [
        'jobs.yaml:1:30: warning: intervall of job "a" is left out: octojobs has no such field; did you mean "interval"?'
    ]
    assert told("agents: []\n") == ["jobs.yaml: the file has no `jobs:`; name octopoid's .octopoid/jobs.yaml"]
    assert told("jobs: [a\n")[0].startswith("jobs.yaml:")
