"""`octojobs import kjob` and `import octopoid`, as people call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.test_kjob import COMMANDS, JOB
from tests.config.test_octopoid_jobs import LIST
from tests.config.test_seeds import OCTOPOID
from tests.helpers import make_repository, octojobs, write

NO_CHANNEL = (
    'output.channel: there is no channel "kode-chat": its messages are kept in the state folder, as outbox/kode-chat-user-rpm32510.jsonl; '
    "declare it in .octopoid/octojobs.yaml"
)
AUDIT = """\
# From audit.toml, whose times are meant in UTC.

version: 1
timezone: UTC
jobs:
  # audit.toml:2
  weekly-stack-audit:
    prompt: /k-housekeep
    agent: kode
    schedule: 0 9 * * MON
    sandbox: {backend: docker, image: 'koder-cli:latest'}
    output: {channel: 'kode-chat:user-rpm32510'}
    retries: {max: 3, backoff: exponential}
    timeout: 30m
    enabled: true
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository that declares nothing, with a file of each kind beside."""
    made = make_repository(tmp_path, {"README": "hello\n"})
    write(made / "audit.toml", JOB)
    write(made / "setup.sh", COMMANDS)
    return made


def test_the_rfcs_job_becomes_a_valid_job(repo: Path) -> None:
    """Printed by a dry run, written without one, and never twice."""
    assert octojobs(repo, "import", "kjob", "audit.toml", "--dry-run").stdout == AUDIT
    done = octojobs(repo, "import", "kjob", "audit.toml")
    assert (done.returncode, done.stdout) == (
        0,
        "import 1 job from audit.toml: weekly-stack-audit; written to .octopoid/jobs/audit.yaml, live after the commit\n",
    )
    agent, channel = done.stderr.splitlines()  # neither is there yet
    assert agent.startswith('audit.toml:4:1: warning: job "weekly-stack-audit": agent: there is no agent "kode"; ')
    assert channel == f'audit.toml:7:1: warning: job "weekly-stack-audit": {NO_CHANNEL}'
    assert (repo / ".octopoid/jobs/audit.yaml").read_text(encoding="utf-8") == AUDIT
    assert octojobs(repo, "validate").returncode == 0
    again = octojobs(repo, "import", "kjob", "audit.toml")
    assert (again.returncode, again.stderr) == (
        2,
        (
            "octojobs: .octopoid/jobs/audit.yaml is there already, and nothing is overwritten; "
            "move it away, or choose another name by --name\n"
        ),
    )


def test_the_rfcs_commands_become_a_valid_job(repo: Path) -> None:
    """What only looks is nothing to import; the zone is the one that is named."""
    done = octojobs(repo, "import", "kjob", "setup.sh", "--timezone", "Europe/Berlin")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "import 1 job from setup.sh: NAME; written to .octopoid/jobs/setup.yaml, live after the commit\n"
    assert len(done.stderr.splitlines()) == 4  # the agent that is not there yet is one of them
    assert "timezone: Europe/Berlin\n" in (repo / ".octopoid/jobs/setup.yaml").read_text(encoding="utf-8")
    assert octojobs(repo, "validate").returncode == 0


def test_a_mistake_in_a_field_is_told_where_that_field_stands(repo: Path) -> None:
    """Not where the new file has it; the job is left out."""
    write(repo / "bad.toml", JOB.replace("0 9 * * MON", "0 25 * * MON").replace("weekly-stack-audit", "late"))
    done = octojobs(repo, "import", "kjob", "bad.toml")
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            'bad.toml:5:1: job "late": schedule: hour 25 is outside 0-23; use 0-23, */n or a list',
            f'bad.toml:7:1: warning: job "late": {NO_CHANNEL}',
            "octojobs: nothing to import in bad.toml",
        ],
    )
    assert not (repo / ".octopoid").exists()


def test_octopoids_own_file_stays_its_own(repo: Path) -> None:
    """In one repository each scheduler reads a file of its own from then on."""
    write(repo / ".octopoid/jobs.yaml", LIST)
    assert octojobs(repo, "validate").returncode == 2
    done = octojobs(repo, "import", "octopoid", ".octopoid/jobs.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "import 3 jobs from jobs.yaml: check_finished_agents, send_heartbeat and codebase_analyst; "
        "written to .octopoid/jobs/octopoid.yaml and .octopoid/octojobs.yaml, live after the commit\n"
    )
    assert (repo / ".octopoid/jobs.yaml").read_text(encoding="utf-8") == LIST
    assert (repo / ".octopoid/octojobs.yaml").read_text(encoding="utf-8") == (
        "# .octopoid/jobs.yaml is octopoid's.\nversion: 1\njobs_file: .octopoid/jobs/octopoid.yaml\n"
    )
    assert octojobs(repo, "validate").returncode == 0
    listed = octojobs(repo, "list", "--source", "worktree").stdout
    assert [line.split("\t")[0] for line in listed.splitlines()] == ["check_finished_agents", "send_heartbeat", "codebase_analyst"]


def test_settings_that_are_there_are_told_and_not_touched(repo: Path) -> None:
    """The line to write is in the message."""
    write(repo / ".octopoid/jobs.yaml", LIST)
    write(repo / ".octopoid/octojobs.yaml", "max_concurrent: 2\n")
    done = octojobs(repo, "import", "octopoid", ".octopoid/jobs.yaml", "--dry-run")
    assert (
        ".octopoid/octojobs.yaml: warning: octojobs would still read .octopoid/jobs.yaml: settings are never overwritten; "
        "write `jobs_file: .octopoid/jobs/octopoid.yaml` there yourself"
    ) in done.stderr.splitlines()


def test_the_drafts_jobs_become_valid_jobs(repo: Path) -> None:
    """From a file elsewhere, which needs no settings; the agent, which is not there yet, is warned about."""
    draft = write(repo.parent / "draft.yaml", OCTOPOID)
    done = octojobs(repo, "import", "octopoid", str(draft))
    warning = (
        'warning: job "stale_pr_reviewer": agent: there is no agent "reviewer"; write .octopoid/agents/reviewer/agent.yaml, or name one of '
    )
    assert (done.returncode, done.stderr) == (
        0,
        f"{draft}:23:5: {warning}aider, claude, codex, copilot, gemini, generic, gptme, opencode\n",
    )
    assert octojobs(repo, "validate").returncode == 0
    assert not (repo / ".octopoid/octojobs.yaml").exists()
