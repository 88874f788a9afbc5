"""Each field of a job: what it may say, and what the job then holds."""

from __future__ import annotations

from typing import Any

import pytest

from octojobs.core.definitions import DeclaredCondition, Retention, Settings
from octojobs.core.guards import AnyOf, Condition, Not
from octojobs.core.job import AgentAction, Backoff, CommandAction, FollowUp, Limits, RetryPolicy, ScriptAction
from octojobs.core.when import AfterWhen, IntervalWhen, ManualWhen, ScheduleWhen
from tests.config.loading import job_with, jobs_of, load

FIELDS: list[tuple[str, str, Any]] = [
    ("title: Sweep", "title", "Sweep"),
    ("description: Sweeps", "description", "Sweeps"),
    ("tags: [a, b]", "tags", ("a", "b")),
    ("enabled: false", "enabled", False),
    ("timezone: Europe/Berlin", "timezone", "Europe/Berlin"),
    ("when_blocked: skip", "when_blocked", "skip"),
    ("on_unknown: run", "on_unknown", "run"),
    ("timeout: 1h30m", "limits", Limits(timeout_s=5400)),
    ("timeout: 90", "limits", Limits(timeout_s=90)),
    ("timeout_seconds: 90", "limits", Limits(timeout_s=90)),
    ("idle_timeout: 5m", "limits", Limits(idle_timeout_s=300)),
    ("kill_grace: 0", "limits", Limits(kill_grace_s=0)),
    ("max_output: 1MB", "limits", Limits(max_output=1_000_000)),
    ("max_output: 2KiB", "limits", Limits(max_output=2048)),
    ("max_output: 512", "limits", Limits(max_output=512)),
    ("overlap: queue_one", "overlap", "queue_one"),
    ("overlap: allow, max_instances: 3", "max_instances", 3),
    ("start_deadline: 1h", "start_deadline_s", 3600),
    ("priority: urgent", "priority", "urgent"),
    ("pool: agents", "pool", "agents"),
    ("group: remote", "group", "remote"),
    ("retries: {max: 2}", "retries", RetryPolicy(max=2)),
    (
        "retries: {max: 5, backoff: linear, delay: 1m, max_delay: 1h, jitter: true, on: [failed, lost], exit_codes: [1, 75]}",
        "retries",
        RetryPolicy(5, Backoff.LINEAR, 60, 3600, True, ("failed", "lost"), (1, 75)),
    ),
    ("retries: {max: 1, delay: 2h}", "retries", RetryPolicy(max=1, delay_s=7200, max_delay_s=7200)),
    ("max_retries: 3", "retries", RetryPolicy(max=3)),
    ("max_retries: 3, retries: {backoff: constant}", "retries", RetryPolicy(max=3, backoff=Backoff.CONSTANT)),
    ("pause_after: 5", "pause_after", 5),
    ("run_when_paused: true", "run_when_paused", True),
    ("cwd: packages/a", "cwd", "packages/a"),
    (
        "env: {PORT: 8080, VERSION: 1.10, DEBUG: True, MODE: 017, NO: no, EMPTY: ''}",
        "env",
        {"PORT": "8080", "VERSION": "1.10", "DEBUG": "True", "MODE": "017", "NO": "no", "EMPTY": ""},
    ),
    ("pass_env: [SSH_AUTH_SOCK]", "pass_env", ("SSH_AUTH_SOCK",)),
    ("secrets: [TOKEN]", "secrets", ("TOKEN",)),
    ("on_success: {command: [make, report]}", "on_success", FollowUp(command=CommandAction(("make", "report")))),
    ("on_failure: {command: mail}, shell: bash", "on_failure", FollowUp(command=CommandAction("mail", "bash"))),
    ("x-mine: {any: thing}", "title", ""),
    ("sandbox: {backend: none}", "title", ""),
]


@pytest.mark.parametrize(("text", "field", "value"), FIELDS, ids=[text[:40] for text, _, _ in FIELDS])
def test_a_field_is_what_it_says(text: str, field: str, value: object) -> None:
    """In the job, typed and complete."""
    assert getattr(job_with(text), field) == value


WHENS: list[tuple[str, Any]] = [
    ('schedule: "0 2 * * MON-FRI"', ScheduleWhen(("0 2 * * MON-FRI",))),
    ('schedule: ["@daily", "@once 2026-05-15T10:00Z"]', ScheduleWhen(("@daily", "@once 2026-05-15T10:00Z"))),
    ("interval: 1h30m", IntervalWhen(5400)),
    ("interval: 120", IntervalWhen(120)),
    ("interval_seconds: 120", IntervalWhen(120)),
    ("after: 10m", AfterWhen(600)),
    ("manual: true", ManualWhen()),
]


@pytest.mark.parametrize(("text", "when"), WHENS, ids=[text for text, _ in WHENS])
def test_a_job_is_due_as_it_says(text: str, when: object) -> None:
    """One field says when."""
    assert jobs_of(f"jobs: {{a: {{{text}, command: make}}}}")["a"].when == when


def test_jitter_and_catching_up_belong_to_times_that_pass() -> None:
    """`all` reaches a day back unless told otherwise, `latest` any time."""
    text = """
jobs:
  latest: {interval: 1h, command: make, jitter: 5m}
  week: {interval: 1h, command: make, catch_up_window: 1w}
  all: {interval: 1h, command: make, catch_up: all}
  none: {interval: 1h, command: make, catch_up: none}
"""
    jobs = jobs_of(text)
    assert jobs["latest"].jitter_s == 300
    assert [(job.catch_up, job.catch_up_window_s) for job in jobs.values()] == [
        ("latest", None),
        ("latest", 604_800),
        ("all", 86_400),
        ("none", None),
    ]


ACTIONS: list[tuple[str, Any]] = [
    ("command: make | tee log", CommandAction("make | tee log")),
    ("command: make, shell: bash", CommandAction("make", "bash")),
    ("command: [sleep, 5, 1.10, 'x y']", CommandAction(("sleep", "5", "1.10", "x y"))),
    (
        """command: "awk '{print $1}' && git log @{u} && echo ${HOME} ${commit}" """,
        CommandAction("awk '{print $1}' && git log @{u} && echo ${HOME} ${commit}"),
    ),
    ("command: [echo, '{result}']", CommandAction(("echo", "{result}"))),
    ("run: pkg.mod:function", ScriptAction("pkg.mod:function")),
    ("run: registered-name, args: {depth: 3, deep: {list: [1]}}", ScriptAction("registered-name", {"depth": 3, "deep": {"list": [1]}})),
    (
        "prompt: Review, agent: reviewer, model: m, max_turns: 3, allowed_tools: [read], resume: true",
        AgentAction("Review", "", "reviewer", "m", 3, ("read",), True),
    ),
    ("prompt_file: prompts/review.md", AgentAction(prompt_file="prompts/review.md", provider="anthropic")),
    ("type: command, command: make", CommandAction("make")),
    ("type: script, run: a:b", ScriptAction("a:b")),
    ("type: agent, prompt: x", AgentAction("x", provider="anthropic")),
]


@pytest.mark.parametrize(("text", "action"), ACTIONS, ids=[text[:40] for text, _ in ACTIONS])
def test_a_job_does_what_it_says(text: str, action: object) -> None:
    """One field says what; text for a shell is left as it is, `${…}` and braces too."""
    assert jobs_of(f"jobs: {{a: {{manual: true, {text}}}}}")["a"].action == action


CONDITIONS: list[tuple[str, Any]] = [
    ("no_agents_running", Condition("no_agents_running")),
    ("{no_agents_running: {}}", Condition("no_agents_running")),
    ("{agents_quiescent: }", Condition("agents_quiescent")),
    ("worktree_clean", Condition("worktree_clean")),
    ("not_paused", Condition("not_paused")),
    ("{on_branch: main}", Condition("on_branch", {"branches": ["main"]})),
    ("{on_branch: [main, release]}", Condition("on_branch", {"branches": ["main", "release"]})),
    ("{on_branch: {branch: main}}", Condition("on_branch", {"branches": ["main"]})),
    ("{file_exists: a/b}", Condition("file_exists", {"path": "a/b"})),
    ("{file_exists: {path: a/b}}", Condition("file_exists", {"path": "a/b"})),
    ("{between: {from: 22:00, to: '6:00'}}", Condition("between", {"from": "22:00", "to": "06:00"})),
    ("{quiet_for: 10m}", Condition("quiet_for", {"duration_s": 600})),
    ("{quiet_for: {duration: 600}}", Condition("quiet_for", {"duration_s": 600})),
    ("{command: [test, -f, x]}", Condition("command", {"command": ["test", "-f", "x"]})),
    ("{command: test -f x}", Condition("command", {"command": "test -f x"})),
    ("has_stale_prs", Condition("has_stale_prs")),
    ("{has_stale_prs: {older_than: 1d}}", Condition("has_stale_prs", {"older_than_s": 86_400})),
    ("{any: [worktree_clean, {not: not_paused}]}", AnyOf((Condition("worktree_clean"), Not(Condition("not_paused"))))),
    ("{not: {any: [worktree_clean]}}", Not(AnyOf((Condition("worktree_clean"),)))),
    ("green", Condition("green")),
    ("{fresh: {days: 3}}", Condition("fresh", {"days": 3})),
]


@pytest.mark.parametrize(("text", "guard"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_a_condition_has_its_arguments_by_name(text: str, guard: object) -> None:
    """However it is written."""
    settings = "conditions: {green: {command: [make, -q]}, fresh: {function: 'checks:fresh'}}"
    assert job_with(f"conditions: [{text}]", settings).conditions == (guard,)


def test_settings_are_what_the_file_says() -> None:
    """All of them at once."""
    text = """
version: 1
max_concurrent: 2
pools: {heavy: 1, net: 3}
python: .venv/bin/python
modules: [tools.jobs]
conditions:
  green: {command: make -q}
  fresh: {function: "checks.fresh:is_fresh"}
retention: {days: 7, bytes: 500MB}
jobs_file: .octopoid/jobs.yaml
state_dir: /var/lib/octojobs
agent_worktrees: ["agents/*"]
x-mine: 1
"""
    definitions = load("jobs: {}", text).definitions
    assert definitions is not None
    assert definitions.settings == Settings(
        max_concurrent=2,
        pools={"heavy": 1, "net": 3},
        python=".venv/bin/python",
        modules=("tools.jobs",),
        conditions={
            "green": DeclaredCondition("green", command="make -q"),
            "fresh": DeclaredCondition("fresh", function="checks.fresh:is_fresh"),
        },
        retention=Retention(days=7, bytes=500_000_000),
        state_dir="/var/lib/octojobs",
        agent_worktrees=("agents/*",),
    )


@pytest.mark.parametrize("text", [None, "", "# nothing yet\n", "{}"])
def test_settings_that_say_nothing_are_the_defaults(text: str | None) -> None:
    """A missing file and an empty one."""
    definitions = load("jobs: {}", text).definitions
    assert definitions is not None
    assert definitions.settings == Settings()


def test_a_number_that_is_too_large_to_be_read_as_one_is_called_that() -> None:
    """And not text, which is what the reader makes of it."""
    loaded = load("jobs: {a: {manual: true, command: make, max_retries: 9999999999999999999}}")
    assert [problem.what for problem in loaded.problems] == ['job "a": max_retries: 9999999999999999999 is too large a number']


@pytest.mark.parametrize(
    ("head", "indent", "count"), [("jobs: {}", "", 1_501), ("jobs:\n  a:\n    manual: true\n    command: x", "    ", 1_502)]
)
def test_so_many_fields_are_not_looked_at_one_by_one(head: str, indent: str, count: int) -> None:
    """Of a file or of a job; jobs themselves may be many more."""
    loaded = load("\n".join([head, *(f"{indent}k{number}: 1" for number in range(1_500))]))
    (what,) = [problem.what for problem in loaded.problems]
    assert what.endswith(f"has {count:,} fields, and 1,000 are allowed")
    assert len(jobs_of("jobs:\n" + "".join(f"  a{number}: {{manual: true, command: x}}\n" for number in range(1_500)))) == 1_500
