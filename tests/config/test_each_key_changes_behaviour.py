"""Every key of the schemas changes what is loaded: none is accepted and then ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from octojobs.config.schema import properties, schema
from octojobs.core.definitions import Settings
from octojobs.core.job import Job, Source
from tests.config.loading import load, problems

DUE = "schedule: '@daily', command: make"
AGENT = "manual: true, prompt: Look around"
SCRIPT = "manual: true, run: 'tools:main'"
PACED = "interval: {active: 1m, idle: 2m, dormant: 3m}"

# The fields of a job without the key, and what is added to them; "" before the fields of a job that needs no more.
JOB: dict[str, tuple[str, str]] = {
    "id": ("manual: true, command: make, name: x", "id: y"),
    "slug": ("manual: true, command: make, name: x", "slug: y"),
    "name": ("manual: true, command: make, id: y", "name: A title"),
    "title": (DUE, "title: A title"),
    "description": (DUE, "description: What for"),
    "tags": (DUE, "tags: [a]"),
    "enabled": (DUE, "enabled: false"),
    "schedule": ("command: make, x-other: {manual: true}", "schedule: '@daily'"),
    "interval": ("command: make", "interval: 1h"),
    "interval_seconds": ("command: make", "interval_seconds: 60"),
    "after": ("command: make", "after: 1h"),
    "manual": ("command: make", "manual: true"),
    "on": ("command: make", "on: {tag: v1}"),
    "timezone": (DUE, "timezone: Asia/Tokyo"),
    "jitter": (DUE, "jitter: 5m"),
    "quiet_hours": (f"command: make, {PACED}", "quiet_hours: false"),
    "adapt": ("prompt: Look, interval: 1h, expect: {commits: 1}", "adapt: {max_interval: 8h}"),
    "conditions": (DUE, "conditions: [not_paused]"),
    "when_blocked": (DUE, "when_blocked: skip"),
    "on_unknown": (DUE, "on_unknown: run"),
    "hold": (DUE, "hold: {name: deploy}"),
    "timeout": (DUE, "timeout: 5m"),
    "timeout_seconds": (DUE, "timeout_seconds: 5"),
    "idle_timeout": (DUE, "idle_timeout: 5m"),
    "kill_grace": (DUE, "kill_grace: 1m"),
    "max_output": (DUE, "max_output: 1MB"),
    "overlap": (DUE, "overlap: queue_one"),
    "max_instances": (f"{DUE}, overlap: allow", "max_instances: 3"),
    "catch_up": (DUE, "catch_up: none"),
    "catch_up_window": (DUE, "catch_up_window: 1h"),
    "start_deadline": (DUE, "start_deadline: 1h"),
    "priority": (DUE, "priority: low"),
    "pool": (DUE, "pool: agents"),
    "group": (DUE, "group: local"),
    "retries": (DUE, "retries: {max: 2}"),
    "max_retries": (DUE, "max_retries: 2"),
    "pause_after": (DUE, "pause_after: 3"),
    "run_when_paused": (DUE, "run_when_paused: true"),
    "command": ("manual: true", "command: make"),
    "shell": (DUE, "shell: bash"),
    "run": ("manual: true", "run: 'tools:main'"),
    "args": (SCRIPT, "args: {deep: true}"),
    "task": ("manual: true", "task: {title: Look}"),
    "python": (SCRIPT, "python: /usr/bin/python3"),
    "prompt": ("manual: true", "prompt: Look around"),
    "prompt_file": ("manual: true", "prompt_file: prompt.md"),
    "agent": (AGENT, "agent: reviewer"),
    "model": (AGENT, "model: small"),
    "max_turns": (AGENT, "max_turns: 3"),
    "max_budget_usd": (AGENT, "max_budget_usd: 0.5"),
    "allowed_tools": (AGENT, "allowed_tools: [read]"),
    "resume": (AGENT, "resume: true"),
    "sandbox": (DUE, "sandbox: {backend: worktree}"),
    "expect": (AGENT, "expect: {commits: true}"),
    "output": (AGENT, "output: {channel: 'chat:ada'}"),
    "i_accept": (AGENT, "i_accept: untrusted-input-with-secrets"),
    "cwd": (DUE, "cwd: src"),
    "env": (DUE, "env: {A: b}"),
    "pass_env": (DUE, "pass_env: [A]"),
    "secrets": (DUE, "secrets: [A]"),
    "on_start": (DUE, "on_start: {command: make}"),
    "on_success": (DUE, "on_success: {command: make}"),
    "on_failure": (DUE, "on_failure: {command: make}"),
    "notify": (DUE, "notify: {channels: [ops]}"),
    "ping": (DUE, "ping: 'https://hc.example.org/x'"),
}
CHECKS = {"type": (DUE, "type: command", "type: script")}
"""Keys that only say what is there anyway, so that a mistake shows: the right value, and one that is refused."""

# Inside of another field: its other content, and the key with a value that is not its default.
INSIDE: dict[str, dict[str, tuple[str, str]]] = {
    "interval": {
        "active": ("idle: 2m, dormant: 3m", "active: 9s"),
        "idle": ("active: 1m, dormant: 3m", "idle: 9s"),
        "dormant": ("active: 1m, idle: 2m", "dormant: 9s"),
    },
    "quiet_hours": {"from": ('to: "07:00"', 'from: "01:00"'), "to": ('from: "00:00"', 'to: "08:00"')},
    "hold": {
        "worktree": ("name: a", "worktree: ../fix"),
        "branch": ("name: a", "branch: main"),
        "paths": ("name: a", "paths: ['src/**']"),
        "name": ("name: b", "name: a"),
    },
    "retries": {
        "max": ("", "max: 2"),
        "backoff": ("max: 1", "backoff: linear"),
        "delay": ("max: 1", "delay: 1m"),
        "max_delay": ("max: 1", "max_delay: 1m"),
        "jitter": ("max: 1", "jitter: true"),
        "on": ("max: 1", "on: [lost]"),
        "exit_codes": ("max: 1", "exit_codes: [75]"),
    },
    "sandbox": {
        "backend": ("backend: none", "backend: worktree"),
        "image": ("backend: docker", "image: alpine"),
        "network": ("backend: docker, image: alpine", "network: true"),
        "mounts": ("backend: docker, image: alpine", "mounts: [{source: a, target: /a}]"),
    },
    "expect": {
        "files_changed": ("commits: 1", "files_changed: true"),
        "commits": ("commits: 1", "commits: 2"),
        "pr": ("commits: 1", "pr: true"),
        "json_schema": ("commits: 1", "json_schema: {type: object}"),
        "command": ("commits: 1", "command: [make]"),
    },
    "on": {
        "ref": ("ref: refs/heads/a", "ref: refs/heads/b"),
        "paths": ("ref: refs/heads/a", "paths: [src]"),
        "tag": ("tag: v1", "tag: v2"),
        "task": ("task: {state: incoming}", "task: {state: done}"),
    },
    "output": {"channel": ("channel: a", "channel: b")},
    "adapt": {"max_interval": ("max_interval: 9h", "max_interval: 8h")},
    "ping": {"url": ("url: 'http://b'", "url: 'http://a'"), "allow_hosts": ("url: 'http://b'", "allow_hosts: [b]")},
    "notify": {
        "on": ("channels: [ops]", "on: [missed]"),
        "channels": ("channels: [ops]", "channels: [other]"),
        "after": ("channels: [ops], on: [blocked]", "after: 5m"),
    },
}
ELSEWHERE = {"on": {"job"}}
"""What a file with one job can't have: test_triggers.py."""

TASK = {
    "title": "title: Look again",
    "body": "body: Why",
    "role": "role: review",
    "priority": "priority: P0",
    "branch": "branch: main",
    "dedupe": "dedupe: look",
    "acceptance": "acceptance: [it works]",
    "expires_in": "expires_in: 7d",
    "proposed": "proposed: true",
}
"""The keys of a task, which stands in two places."""

FILE = {
    "timezone": ("", "timezone: Asia/Tokyo"),
    "defaults": ("", "defaults: {timeout: 5m}"),
}

SETTINGS = {
    "max_concurrent": "max_concurrent: 2",
    "pools": "pools: {database: 1}",
    "capacity": "capacity: {max_concurrent: 2}",
    "python": "python: /usr/bin/python3",
    "modules": "modules: [tools.jobs]",
    "conditions": "conditions: {vpn: {command: vpn-is-up}}",
    "retention": "retention: {days: 1}",
    "jobs_file": "jobs_file: ci/jobs.yaml",
    "state_dir": "state_dir: .state",
    "agent_worktrees": "agent_worktrees: ['agents/*']",
    "task_format": "task_format: octopoid\ntasks: {folder: queue}",
    "tasks": "tasks: {folder: queue}",
    "channels": "channels: {ops: {file: told.jsonl}}",
    "metrics": "metrics: {port: 9464}",
    "traces": "traces: {otlp: 'http://127.0.0.1:4318'}",
}
METRICS = {
    "textfile": ("port: 1", "textfile: a.prom"),
    "every": ("textfile: a.prom", "every: 1m"),
    "port": ("textfile: a.prom", "port: 9464"),
    "max_jobs": ("port: 1", "max_jobs: 0"),
}
TRACES = {"otlp": ("otlp: 'http://b'", "otlp: 'http://a'"), "service": ("otlp: 'http://a'", "service: shop")}
RETENTION = {"days": "days: 1", "runs_per_job": "runs_per_job: 1", "bytes": "bytes: 1MB"}
TASKS = {
    "folder": "folder: queue",
    "max_open": "max_open: 1",
    "max_per_run": "max_per_run: 1",
    "queue_limits": "queue_limits: {incoming: 1}",
    "lease": "lease: 5m",
    "max_attempts": "max_attempts: 1",
}


def flow(*parts: str) -> str:
    """The parts as one mapping; a later part replaces the same key of an earlier one."""
    return "{" + ", ".join(part for part in parts if part) + "}"


def job(*parts: str, file: str = "") -> Job | None:
    """The only job of a file, without its place; None when it is refused."""
    name = "" if any(part.startswith(("name:", "id:", "slug:")) or ", name:" in part or ", id:" in part for part in parts) else "name: it"
    loaded = load(f"{file}\njobs:\n  - {flow(name, *parts)}\n", "channels: {ops: {file: a}, other: {file: b}}\n")
    if loaded.definitions is None:
        return None
    (one,) = loaded.definitions.jobs.values()
    return replace(one, source=Source("", 0))


def settings(text: str) -> Settings:
    """The settings of a repository without jobs."""
    path = "ci/jobs.yaml" if "jobs_file" in text else ".octopoid/jobs.yaml"
    loaded = load(None, text, more={path: "jobs: {}\n"})
    assert loaded.definitions is not None, loaded.problems
    return loaded.definitions.settings


def test_every_key_of_a_job_has_a_case() -> None:
    """A new key without one fails here."""
    assert sorted([*JOB, *CHECKS]) == sorted(properties("jobs", "job"))


@pytest.mark.parametrize("key", JOB)
def test_a_key_of_a_job_changes_the_job(key: str) -> None:
    """With it, the loaded job is another one than without it."""
    without, added = JOB[key]
    assert key in properties("jobs", "job")
    with_it = job(without, added)
    assert with_it is not None, problems(f"jobs:\n  - {flow('name: it', without, added)}\n")
    assert with_it != job(without)


@pytest.mark.parametrize("key", CHECKS)
def test_a_key_that_only_checks_refuses_what_is_not_so(key: str) -> None:
    """And changes nothing where it is."""
    without, right, wrong = CHECKS[key]
    assert job(without, right) == job(without)
    assert job(without, wrong) is None


def test_every_key_inside_of_a_field_has_a_case() -> None:
    """Of each field that is a mapping with keys of its own."""
    fields: Mapping[str, Any] = properties("jobs", "job")
    assert {
        name: sorted(field["properties"].keys() - ELSEWHERE.get(name, set())) for name, field in fields.items() if "properties" in field
    } == {name: sorted(keys) for name, keys in INSIDE.items()}


@pytest.mark.parametrize(("field", "key"), [(field, key) for field, keys in INSIDE.items() for key in keys])
def test_a_key_inside_of_a_field_changes_the_job(field: str, key: str) -> None:
    """The field with the key makes another job than the field without it, or with another value."""
    rest, added = INSIDE[field][key]
    bases = {"retries": DUE, "hold": DUE, "interval": "command: make", "quiet_hours": f"command: make, {PACED}", "on": "command: make"}
    bases["adapt"] = "prompt: Look, interval: 1h, expect: {commits: 1}"
    base = bases.get(field, AGENT)
    parts = [added] if rest.startswith(f"{key}:") else [rest, added]
    with_it = job(base, f"{field}: {flow(*parts)}")
    assert with_it is not None
    assert with_it != job(base, f"{field}: {flow(rest)}")


def test_a_follow_up_has_its_keys() -> None:
    """A command, a run of another job, a task, or channels, and they differ."""
    assert sorted(properties("jobs", "follow_up")) == ["command", "enqueue", "notify", "run"]
    other = "jobs:\n  - {name: other, manual: true, command: make}\n  - "
    seen = []
    for follow_up in ("command: make", "run: other", "enqueue: {title: Look}", "notify: [ops]"):
        text = f"{other}{flow('name: it', DUE, f'on_failure: {flow(follow_up)}')}\n"
        definitions = load(text, "channels: {ops: {file: a}}\n").definitions
        assert definitions is not None
        seen.append(list(definitions.jobs.values())[1].on_failure)
    assert len(set(map(str, seen))) == 4


def test_every_key_of_a_task_has_a_case() -> None:
    """`title` is the one that it needs."""
    assert sorted(properties("jobs", "task")) == sorted(TASK)


@pytest.mark.parametrize("key", TASK)
def test_a_key_of_a_task_changes_the_task(key: str) -> None:
    """In a job and in what follows a run."""
    rest = {"title: Look", TASK[key]} if key != "title" else {TASK[key]}
    for place in ("task", "on_failure: {enqueue"):
        base, end = ("manual: true", "") if place == "task" else (DUE, "}")
        with_it, without = (job(base, f"{place}: {flow(*sorted(parts))}{end}") for parts in (rest, {"title: Look"}))
        assert with_it is not None
        assert with_it != without


def test_every_key_of_a_file_has_a_case() -> None:
    """`jobs` and `job` are the jobs themselves, `version` only checks."""
    assert sorted(properties("jobs", "file")) == sorted([*FILE, "jobs", "job", "version"])


@pytest.mark.parametrize("key", FILE)
def test_a_key_of_a_file_changes_its_jobs(key: str) -> None:
    """The job itself says the same."""
    without, added = FILE[key]
    assert job(DUE, file=added) is not None
    assert job(DUE, file=added) != job(DUE, file=without)


def test_a_version_that_is_not_known_is_refused() -> None:
    """In both files: what it would mean is not known."""
    assert job(DUE, file="version: 1") == job(DUE)
    assert job(DUE, file="version: 2") is None
    assert settings("version: 1\n") == settings("x-any: 1\n")
    assert load("jobs: {}\n", "version: 2\n").definitions is None


def test_every_key_of_the_settings_has_a_case() -> None:
    """Those of `retention` and `tasks`, too."""
    assert sorted(properties("octojobs")) == sorted([*SETTINGS, "version"])
    assert sorted(schema("octojobs")["properties"]["retention"]["properties"]) == sorted(RETENTION)
    assert sorted(schema("octojobs")["properties"]["tasks"]["properties"]) == sorted(TASKS)
    assert sorted(schema("octojobs")["properties"]["metrics"]["properties"]) == sorted(METRICS)
    assert sorted(schema("octojobs")["properties"]["traces"]["properties"]) == sorted(TRACES)


INNER = [f"{name}: {flow(value)}" for name, keys in (("retention", RETENTION), ("tasks", TASKS)) for value in keys.values()]


@pytest.mark.parametrize("text", [*SETTINGS.values(), *INNER])
def test_a_key_of_the_settings_changes_the_settings(text: str) -> None:
    """With it, they are others than the defaults."""
    assert settings(f"{text}\n") != Settings()


@pytest.mark.parametrize(("name", "key"), [("metrics", key) for key in METRICS] + [("traces", key) for key in TRACES])
def test_a_key_of_what_is_measured_changes_the_settings(name: str, key: str) -> None:
    """Beside what the mapping needs anyway."""
    rest, added = {"metrics": METRICS, "traces": TRACES}[name][key]
    parts = [added] if rest.startswith(f"{key}:") else [rest, added]
    assert settings(f"{name}: {flow(*parts)}\n") != settings(f"{name}: {flow(rest)}\n")
