"""Jobs of kjob, from its own texts: the TOML job and the commands, as they stand there."""

from __future__ import annotations

import pytest

from octojobs.config.exchange.kjob import jobs_of

JOB = """\
[job]
slug         = "weekly-stack-audit"
prompt       = "/k-housekeep"
agent        = "kode"               # or "kortex", "custom-agent-id"
schedule     = "0 9 * * MON"        # cron expr; or "@once 2026-05-15T10:00Z"
sandbox      = { backend = "docker", image = "koder-cli:latest" }
output       = { channel = "kode-chat:user-rpm32510" }
retries      = { max = 3, backoff = "exponential" }
timeout      = "30m"
enabled      = true
"""

COMMANDS = """\
kjob create --slug NAME --prompt "..." --schedule "0 9 * * MON" --agent kode
kjob list
kjob inspect <slug>
kjob run-now <slug>
kjob disable <slug>
kjob enable <slug>
kjob delete <slug>
kjob runs <slug>          # execution history
kjob logs <run-id>
"""


def told(text: str, path: str = "jobs.toml") -> list[str]:
    """The problems of a text, one a line."""
    return [str(problem) for problem in jobs_of(path, text).problems]


def test_the_job_of_the_rfc_keeps_all_that_it_says() -> None:
    """The slug is its name, and every field the same field here."""
    found = jobs_of("audit.toml", JOB)
    assert found.problems == ()
    (job,) = found.jobs
    assert (job.name, job.line, job.column) == ("weekly-stack-audit", 2, 1)
    assert job.fields == {
        "prompt": "/k-housekeep",
        "agent": "kode",
        "schedule": "0 9 * * MON",
        "sandbox": {"backend": "docker", "image": "koder-cli:latest"},
        "output": {"channel": "kode-chat:user-rpm32510"},
        "retries": {"max": 3, "backoff": "exponential"},
        "timeout": "30m",
        "enabled": True,
    }
    assert job.places["schedule"] == (5, 1)


def test_the_commands_of_the_rfc_come_to_the_job_that_they_create() -> None:
    """Commands that only look declare nothing; those that name another job are told."""
    found = jobs_of("setup.sh", COMMANDS)
    assert [(job.name, dict(job.fields)) for job in found.jobs] == [("NAME", {"prompt": "...", "schedule": "0 9 * * MON", "agent": "kode"})]
    assert [str(problem) for problem in found.problems] == [
        f"setup.sh:{line}:1: warning: kjob {verb} is left out: it names no job that the script has created"
        for line, verb in ((5, "disable"), (6, "enable"), (7, "delete"))
    ]


def test_a_script_is_followed_to_its_end() -> None:
    """What is disabled is a disabled job, what is deleted is none; a backslash continues a command."""
    script = (
        "#!/bin/sh\nset -e\nkjob create --slug=a --prompt x \\\n  --schedule @daily --timeout 5m\n"
        "$ kjob create --slug b --prompt y --schedule @daily\nkjob delete b\nkjob disable a\n"
    )
    found = jobs_of("setup.sh", script)
    assert found.problems == ()
    assert [(job.name, dict(job.fields), job.line) for job in found.jobs] == [
        ("a", {"prompt": "x", "schedule": "@daily", "timeout": "5m", "enabled": False}, 3)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kjob create --slg a", 'jobs.toml:1:1: "--slg" is no option of `kjob create`; did you mean "--slug"?'),
        ("kjob create --slug", "jobs.toml:1:1: --slug has no value; give it one"),
        ("kjob creat --slug a", 'jobs.toml:1:1: "kjob creat" is no command of kjob; did you mean "create"?'),
        ('kjob create --slug "a', "jobs.toml:1:1: this is no command: no closing quotation; close the quotes"),
        ("kjob create --prompt x", "jobs.toml:1:1: the job has no slug; give it one"),
        ("[job]\nslug = 3 4\n", "jobs.toml:2:10: this is no TOML: Expected newline or end of document after a statement"),
        ("[work]\nslug = 'a'\n", "jobs.toml: the file has no [job]; name a file of kjob's jobs"),
        ("[job]\nslug = '9 to 5'\n", "jobs.toml:2:1: '9 to 5' is not a job name; a letter or _ first"),
        ("[job]\nslug = 'a'\nschedule = 2026-05-15\n", 'jobs.toml:3:1: schedule is a date; quote it, as in "@once 2026-05-15T10:00Z"'),
        ("[job]\nslug = 'a'\npromt = 'x'\n", 'warning: promt of job "a" is left out: octojobs has no such field; did you mean "prompt"?'),
    ],
)
def test_what_can_not_be_carried_over_is_told_with_its_place(text: str, message: str) -> None:
    """Each with the line, the reason, and the remedy."""
    (problem,) = told(text)
    assert message in problem


def test_several_jobs_stand_where_they_stand() -> None:
    """As an array of tables or by name; keys in texts of several lines are no keys."""
    text = (
        '[[job]]\nslug = "a"\nprompt = """\nslug = "no"\n"""\nschedule = "@daily"\n\n[[job]]\nslug = "b"\n[job.sandbox]\nbackend = "none"\n'
    )
    found = jobs_of("jobs.toml", text)
    assert [(job.name, job.line, job.places.get("schedule")) for job in found.jobs] == [("a", 2, (6, 1)), ("b", 9, None)]
    assert found.jobs[1].fields["sandbox"] == {"backend": "none"}
    named = jobs_of("jobs.toml", "[jobs.a]\nprompt = 'x'\n[jobs.b]\nprompt = 'y'\n")
    assert [(job.name, job.line) for job in named.jobs] == [("a", 1), ("b", 3)]
    assert [job.name for job in jobs_of("jobs.toml", 'slug = "top"\n').jobs] == ["top"]
