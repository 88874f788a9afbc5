"""What is wrong in a definition file is told where it stands, with what is allowed and what was probably meant: whole messages."""

from __future__ import annotations

import pytest

from tests.config.loading import JOBS, SETTINGS, load, problems

DURATION = "write seconds, or whole numbers with w, d, h, m, s in that order, such as 90, 2m or 1h30m"
DATA = 'read it as data instead, from the environment or from "$OCTOJOBS_RUN_DIR"'

FIELDS: list[tuple[str, list[str]]] = [
    ("enabled: no", ['1:50: job "a": enabled: "no" is text; write false']),
    ("enabled: yes", ['1:50: job "a": enabled: "yes" is text; write true']),
    ("enabled: 1", ['1:50: job "a": enabled: 1 is a number; write true or false']),
    ("max_retries: 017", ['1:54: job "a": max_retries: "017" is text; write 17']),
    ("max_retries: 1_0", ['1:54: job "a": max_retries: "1_0" is text; write 10']),
    ("pause_after: 0", ['1:54: job "a": pause_after: 0 is too small; write 1 or more']),
    ("title: 5", ['1:48: job "a": title: 5 is a number; write it in quotes, "5"']),
    ("title: ''", ['1:48: job "a": title: is empty; write a value or remove the field']),
    ("retries: 3", ['1:50: job "a": retries: 3 is a number; write a mapping such as {max: 2, backoff: exponential}']),
    ("retries: {backoff: linear}", ['1:50: job "a": retries: does not say how often; add `max:`']),
    ("retries: {max: 1}, max_retries: 1", ['1:60: job "a": retries.max and max_retries are both given; keep one of them']),
    ("retries: {max: 1, on: [skipped]}", ['1:64: job "a": retries.on: "skipped" is not one of failed, timed_out, lost']),
    (
        "retries: {max: 1, on: [lost], exit_codes: [1]}",
        ['1:83: job "a": retries.exit_codes: narrows `failed`, which `on` leaves out; add failed to `on`, or remove the exit codes'],
    ),
    (
        "retries: {max: 1, delay: 1h, max_delay: 1m}",
        ['1:81: job "a": retries.max_delay: is shorter than the delay; write the longest delay, or remove it'],
    ),
    ("timeout: 5m, timeout_seconds: 5", ['1:54: job "a": timeout and timeout_seconds are both given; keep one of them']),
    ("overlap: allow", ['1:50: job "a": overlap: allow without a bound; add `max_instances:`']),
    ("max_instances: 3", ['1:41: job "a": max_instances belongs to `overlap: allow`; add that, or remove it']),
    ("overlap: never", ['1:50: job "a": overlap: "never" is not one of skip, queue_one, queue_all, cancel_running, allow']),
    ("env: [A]", ['1:46: job "a": env: is a list; write a mapping such as {NAME: value}']),
    ("env: {A-B: 1}", ['1:47: job "a": env: "A-B" is not the name of an environment variable: letters, digits and _']),
    ("env: {A: }", ['1:50: job "a": env.A: has no value; write text, a number or true or false']),
    ("env: {OCTOJOBS_JOB: x}", ['1:61: job "a": env.OCTOJOBS_JOB: octojobs sets this variable itself; choose another name']),
    ("pass_env: [A, A]", ['1:55: job "a": pass_env: A is named twice; keep one of them']),
    ("secrets: [A], env: {A: 1}", ['1:51: job "a": secrets: A is in env or pass_env too; keep one of them']),
    (
        "cwd: ~/x",
        ['1:46: job "a": cwd: "~/x" begins with ~, which only a shell understands; write the path out, or one relative to the repository'],
    ),
    ("max_output: lots", ['1:53: job "a": max_output: "lots" is not a size; write bytes, or a whole number with KB, MB, GB, such as 10MB']),
    ("tags: x", ['1:47: job "a": tags: "x" is text; write [x]']),
    ("priority: P1", ['1:51: job "a": priority: "P1" is not one of urgent, high, medium, low']),
    ("conditions: no_agents_running", ['1:53: job "a": conditions: "no_agents_running" is text; write [no_agents_running]']),
    (
        "conditions: [no_agent_running]",
        ['1:54: job "a": conditions: there is no condition "no_agent_running"; did you mean "no_agents_running"?'],
    ),
    ("conditions: [on_branch]", ['1:54: job "a": conditions: "on_branch" needs to be told what; write {on_branch: main}']),
    (
        "conditions: [{on_branch: {name: main}}]",
        [
            '1:66: job "a": conditions.on_branch: "branch" is missing; add `branch:`',
            '1:67: job "a": conditions.on_branch: unknown field "name"; use branch',
        ],
    ),
    ("conditions: [{worktree_clean: {x: 1}}]", ['1:71: job "a": conditions.worktree_clean: takes no arguments; write the name alone']),
    (
        "conditions: [{not_paused: , worktree_clean: }]",
        ['1:54: job "a": conditions: not_paused and worktree_clean are given together; write each as an item of its own'],
    ),
    ("conditions: [{between: {from: 22:00}}]", ['1:64: job "a": conditions.between: "to" is missing; add `to:`']),
    (
        "conditions: [{between: {from: 22:00, to: 25:00}}]",
        ['1:82: job "a": conditions.between.to: "25:00" is no time of day; write HH:MM, 00:00 to 23:59'],
    ),
    (
        "conditions: [{between: {from: 22:00, to: 22:00}}]",
        ['1:82: job "a": conditions.between.to: 22:00 is the time it begins, too; leave the condition out for the whole day'],
    ),
    (
        "conditions: [{command: 'echo {branch}'}]",
        ['1:70: job "a": conditions.command: {branch} would make text from outside a part of the shell command; ' + DATA],
    ),
    ("conditions: [{any: []}]", ['1:60: job "a": conditions.any: is empty; write a value or remove the field']),
    ("conditions: [{not: quiet_for}]", ['1:60: job "a": conditions.not: "quiet_for" needs to be told what; write {quiet_for: 10m}']),
    ("conditions: [{quiet_for: soon}]", ['1:66: job "a": conditions.quiet_for: "soon" is not a duration; ' + DURATION]),
    ("pool: big", ['1:47: job "a": pool: there is no pool "big"; declare it in .octopoid/octojobs.yaml: `pools: {big: 1}`']),
    ("on_success: {run: b}", ['1:59: job "a": on_success.run: there is no job "b"; declare it, or remove this']),
    ("on_success: {command: x, run: a}", ['1:53: job "a": on_success: command and run are given together; keep one of them']),
    ("on_failure: {tell: x}", ['1:54: job "a": on_failure: unknown field "tell"; use command, run, enqueue or notify']),
    ("on_success: {run: 'a b'}", ['1:59: job "a": on_success.run: there is no job "a b"; declare it, or remove this']),
    (
        "on_success: {x-y: 1}",
        ['1:53: job "a": on_success: says nothing about what it does; add `command:`, `run:`, `enqueue:` or `notify:`'],
    ),
    ("on_success: {run: a}", ['1:59: job "a": on_success.run: a job that starts itself never ends; name another job']),
    ("args: {}", ['1:41: job "a": args belongs to jobs with `run:`; remove it']),
    ("max_turns: 3", ['1:41: job "a": max_turns belongs to jobs with `prompt:`; remove it']),
    ("output: {channel: ''}", ['1:59: job "a": output.channel: is empty; write a value or remove the field']),
    ("on: {tag: x}", ['1:12: job "a": on and manual are both given; keep one of them']),
    ("cron: x", ['1:41: job "a": unknown field "cron"; write "schedule"']),
    ("scheudle: x", ['1:41: job "a": unknown field "scheudle"; did you mean "schedule"?']),
    ("timezone: Europe/Berln", ['1:51: job "a": timezone: there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?']),
    ("timezone: ''", ['1:51: job "a": timezone: is empty; write a value or remove the field']),
]


@pytest.mark.parametrize(("fields", "messages"), FIELDS, ids=[fields for fields, _ in FIELDS])
def test_a_field_that_is_wrong_is_told(fields: str, messages: list[str]) -> None:
    """In a job that is right but for this."""
    assert problems(f"jobs: {{a: {{manual: true, command: make, {fields}}}}}") == messages


JOBS_ALONE: list[tuple[str, list[str]]] = [
    ('schedule: "61 2 * * *", command: make', ['1:23: job "a": schedule: minute 61 is outside 0-59; use 0-59, */n or a list']),
    (
        "schedule: '0 2 * *', command: make",
        [
            (
                '1:30: job "a": schedule: a cron expression has five fields and this has 4; '
                "write minute, hour, day of month, month and day of week"
            )
        ],
    ),
    (
        'schedule: ["@daily", "0 25 * * *", "0 0 30 2 *"], command: make',
        [
            '1:36: job "a": schedule: hour 25 is outside 0-23; use 0-23, */n or a list',
            '1:52: job "a": schedule: "0 0 30 2 *" never fires; name a date that comes round within 40 years',
        ],
    ),
    (
        'schedule: "@once 2026-03-29T02:30", timezone: Europe/Berlin, command: make',
        [
            (
                '1:29: job "a": schedule: 2026-03-29T02:30 does not exist in Europe/Berlin: the clocks skip it; '
                "name another time, or one with its offset from UTC"
            )
        ],
    ),
    ("schedule: 5, command: make", ['1:22: job "a": schedule: 5 is a number; write a cron expression such as "0 2 * * *"']),
    (
        'schedule: "*/5 * * * * *", command: make',
        [
            (
                '1:35: job "a": schedule: a cron expression has five fields and this has 6; '
                "use interval for seconds; octojobs has no field for seconds or years"
            )
        ],
    ),
    ('schedule: "0 2 * * *"', ['1:8: job "a": says nothing about what it runs; add one of command, run, task, prompt or prompt_file']),
    ("command: make", ['1:8: job "a": says nothing about when it runs; add one of schedule, interval, after, on, or `manual: true`']),
    ("interval: 1h, after: 1h, command: make", ['1:26: job "a": interval and after are both given; keep one of them']),
    ("manual: true, run: a:b, prompt: x", ['1:36: job "a": run and prompt are both given; keep one of them']),
    ("manual: false, command: make", ['1:20: job "a": manual: can\'t be false; write true']),
    (
        "manual: true, jitter: 5m, command: make",
        ['1:34: job "a": jitter: means nothing for a manual job; remove it, or give the job a schedule'],
    ),
    ("interval: 0, command: make", ['1:22: job "a": interval: must be at least a second; write 1s or more, or remove the field']),
    ("interval: 1x, command: make", ['1:22: job "a": interval: "1x" is not a duration; ' + DURATION]),
    ("interval: 12:30, command: make", ['1:22: job "a": interval: "12:30" is not a duration; ' + DURATION]),
    ("interval: -5, command: make", ['1:22: job "a": interval: -5 is too small; write 0 or more']),
    ("interval: {active: 1, idle: 2}, command: make", ['1:22: job "a": interval: "dormant" is missing; add `dormant:`']),
    ("interval: 1.5, command: x", ['1:22: job "a": interval: 1.5 is a number; write a duration such as 1h30m']),
    ("interval: , command: x", ['1:22: job "a": interval: has no value; write a duration such as 1h30m']),
    (
        "interval: 1h, command: make, catch_up: none, catch_up_window: 1h",
        ['1:57: job "a": catch_up_window needs `catch_up: latest` or `all`; remove it'],
    ),
    (
        "manual: true, command: 'echo {result}'",
        ['1:41: job "a": command: {result} would make text from outside a part of the shell command; ' + DATA],
    ),
    ("manual: true, command: ''", ['1:35: job "a": command: is empty; write a value or remove the field']),
    ("manual: true, command: []", ['1:35: job "a": command: is empty; write a value or remove the field']),
    (
        "manual: true, command: [x], shell: bash",
        ['1:47: job "a": shell: no shell runs a command that is a list; remove it, or write the command as text'],
    ),
    (
        "manual: true, run: scripts/x.py",
        ['1:31: job "a": run: "scripts/x.py" is no Python function; write `command: scripts/x.py` to run a program'],
    ),
    ("manual: true, run: a:b, shell: bash", ['1:36: job "a": shell belongs to jobs with `command:`; remove it']),
    (
        "manual: true, type: script, command: x",
        ['1:32: job "a": type: is "script", and the job has `command:`; write command, or remove the type'],
    ),
    ("manual: true, type: agent", ['1:8: job "a": says nothing about what it runs; add `prompt:`']),
    ("manual: true, type: webhook, command: x", ['1:32: job "a": type: "webhook" is not one of command, script, agent, task']),
    ("id: b, manual: true, command: x", ['1:16: job "a": id: is "b", and the job\'s key is "a"; remove one of them']),
]


@pytest.mark.parametrize(("fields", "messages"), JOBS_ALONE, ids=[fields for fields, _ in JOBS_ALONE])
def test_a_job_says_once_when_and_once_what(fields: str, messages: list[str]) -> None:
    """With one of each, and what belongs to it."""
    assert problems(f"jobs: {{a: {{{fields}}}}}") == messages


FILES: list[tuple[str, list[str]]] = [
    (
        "jobs:\n  a:\n    schedule: >\n      61 2\n      * * *\n    command: make\n",
        ['3:15: job "a": schedule: minute 61 is outside 0-59; use 0-59, */n or a list'],
    ),
    (
        "jobs: {a b: {manual: true, command: x}}",
        ['1:8: "a b" is not a job name; write a letter or _ first, then letters, digits, _ . -, 63 at most'],
    ),
    (
        "jobs: {A: {manual: true, command: x}, a: {manual: true, command: x}}",
        ['1:39: job "a": another job has this name, .octopoid/jobs.yaml:1; rename one of them (upper and lower case are the same here)'],
    ),
    ("jobs: {a: }", ['1:11: job "a": is empty; write its fields below it, at least `interval:` and `command:`']),
    ("jobs: {a: make}", ['1:11: job "a": is no mapping; write its fields below it, at least `interval:` and `command:`']),
    ("jobs: [make]", ["1:8: a job is no mapping; write its fields below it, at least `interval:` and `command:`"]),
    ("jobs: 5", ["1:7: jobs: is neither a mapping nor a list; write the jobs by name, or as a list"]),
    ("jobs:", ["1:6: jobs: has no value; write `jobs: {}` for no jobs"]),
    ("", [".octopoid/jobs.yaml: the file is empty; write `jobs: {}` for no jobs"]),
    ("[]", ["1:1: the file is no mapping; write the jobs under `jobs:`"]),
    (
        "x: 1",
        [
            "1:1: the file has no `jobs:`; write `jobs: {}` for no jobs",
            '1:1: unknown field "x"; use version, timezone, defaults, jobs or job',
        ],
    ),
    ("version: 2\njobs: {}", ["1:10: version: can't be 2; write 1"]),
    ("verson: 1\njobs: {}", ['1:1: unknown field "verson"; did you mean "version"?']),
    ("jobs: {}\njob: {}", ["2:1: job and jobs are both given; put this one under `jobs:`"]),
    ("jobs: [{manual: true, command: x}]", ["1:8: a job has no name; add `name:`"]),
    (
        "jobs: [{name: Nightly build, manual: true, command: x}]",
        ['1:15: job "Nightly build": name: "Nightly build" is not a job name; add `id:` with a short name'],
    ),
    ("jobs: [{id: a, slug: b, manual: true, command: x}]", ['1:16: job "a": id and slug are both given; keep one of them']),
    ("defaults: {interval: 1h}\njobs: {}", ['1:12: defaults: "interval" can\'t be a default; write it in each job']),
    (
        "defaults: {timeout: 0, enabled: no, shel: x}\njobs: {}",
        [
            "1:21: defaults: timeout: must be at least a second; write 1s or more, or remove the field",
            '1:33: defaults: enabled: "no" is text; write false',
            '1:37: defaults: unknown field "shel"; did you mean "shell"?',
        ],
    ),
    ("defaults: x\njobs: {}", ['1:11: defaults: "x" is text; write a mapping']),
    ("timezone: Berlin\njobs: {}", ['1:11: timezone: there is no time zone "Berlin"; did you mean "Europe/Berlin"?']),
]


@pytest.mark.parametrize(("text", "messages"), FILES, ids=[text for text, _ in FILES])
def test_a_file_has_jobs_with_names(text: str, messages: list[str]) -> None:
    """A mapping or a list under `jobs:`, and nothing that nobody knows."""
    assert problems(text) == messages


SETTINGS_ALONE: list[tuple[str, list[str]]] = [
    ("max_concurrent: 0", ["1:17: max_concurrent: 0 is too small; write 1 or more"]),
    ("pool: {a: 1}", ['1:1: unknown field "pool"; did you mean "pools"?']),
    ("pools: {a: 0}", ["1:12: pools.a: 0 is too small; write 1 or more"]),
    ("pools: {a b: 1}", ['1:9: pools: "a b" is not a name of letters, digits, _ . - (the size of `default` is `max_concurrent`)']),
    ("pools: {default: 1}", ['1:9: pools: "default" is not a name of letters, digits, _ . - (the size of `default` is `max_concurrent`)']),
    ("conditions: {a: {command: x, function: 'a:b'}}", ["1:17: conditions.a: command and function are given together; keep one of them"]),
    ("conditions: {a: make}", ['1:17: conditions.a: "make" is text; write `command:` or `function:` below it']),
    (
        "conditions: {worktree_clean: {command: x}}",
        ["1:30: conditions.worktree_clean: is the name of a built-in condition; choose another name"],
    ),
    ("conditions: {a: {x-y: 1}}", ["1:17: conditions.a: says nothing about when it holds; add `command:` or `function:`"]),
    ("conditions: {a: {function: x}}", ['1:28: conditions.a.function: "x" is not `package.module:function`']),
    ("retention: {bytes: x, day: 1}", ['1:23: retention: unknown field "day"; did you mean "days"?']),
    ("jobs_file: ../x.yaml", ['1:12: jobs_file: "../x.yaml" leads out of the repository; write a path in it']),
    ("modules: [a/b]", ['1:11: modules: "a/b" is not the dotted name of a module']),
    ("x", ['1:1: "x" is text; write a mapping']),
    (
        "python: ~/bin/python",
        [
            (
                '1:9: python: "~/bin/python" begins with ~, which only a shell understands; '
                "write the path out, or one relative to the repository"
            )
        ],
    ),
    ("state_dir: 5", ['1:12: state_dir: 5 is a number; write it in quotes, "5"']),
]


@pytest.mark.parametrize(("text", "messages"), SETTINGS_ALONE, ids=[text for text, _ in SETTINGS_ALONE])
def test_a_setting_that_is_wrong_is_told(text: str, messages: list[str]) -> None:
    """In its own file."""
    assert [message.removeprefix(f"{SETTINGS}:") for message in problems("jobs: {}", text)] == messages


def test_all_problems_are_told_at_once_in_file_order() -> None:
    """Of all files: what the schema refuses, what the code refuses, and what refers to something that is not there."""
    text = """\
jobs:
  nightly:
    schedule: "0 2 * * *"
    comand: make
    enabled: no
    priority: hihg
    conditions: [no_agent_running]
  weekly:
    schedule: "0 2 * * 8"
    command: make
    pool: bog
    on_failure: {run: nihgtly}
"""
    more = {".octopoid/jobs/x.yaml": "interval: 1h\n"}
    assert problems(text, "pools: {big: 1}\nmax_concurent: 2\n", more=more) == [
        '4:5: job "nightly": unknown field "comand"; did you mean "command"?',
        '5:14: job "nightly": enabled: "no" is text; write false',
        '6:15: job "nightly": priority: "hihg" is not one of urgent, high, medium, low; did you mean "high"?',
        '7:18: job "nightly": conditions: there is no condition "no_agent_running"; did you mean "no_agents_running"?',
        '9:24: job "weekly": schedule: day of week 8 is outside 0-7; use 0-7 or SUN-SAT, */n or a list',
        '11:11: job "weekly": pool: there is no pool "bog"; did you mean "big"?',
        '12:23: job "weekly": on_failure.run: there is no job "nihgtly"; did you mean "nightly"?',
        '.octopoid/jobs/x.yaml:1:1: job "x": says nothing about what it runs; add one of command, run, task, prompt or prompt_file',
        '.octopoid/octojobs.yaml:2:1: unknown field "max_concurent"; did you mean "max_concurrent"?',
    ]


def test_a_name_is_taken_in_all_files() -> None:
    """Upper and lower case are the same: names are folders, too."""
    assert problems(
        "jobs: {sweep: {manual: true, command: make}}", more={".octopoid/jobs/Sweep.yaml": "manual: true\ncommand: make\n"}
    ) == [
        (
            f'.octopoid/jobs/Sweep.yaml:1:1: job "Sweep": another job has this name, {JOBS}:1; '
            "rename one of them (upper and lower case are the same here)"
        )
    ]


def test_a_problem_in_the_defaults_is_told_once() -> None:
    """However many jobs have them."""
    text = "defaults: {timeout: 1x}\njobs: {a: {manual: true, command: make}, b: {manual: true, command: make}}"
    assert [message.partition(";")[0] for message in problems(text)] == ['1:21: defaults: timeout: "1x" is not a duration']


def test_conditions_are_not_judged_by_settings_that_are_wrong() -> None:
    """What can't be known to be missing is not said to be."""
    text = "jobs: {a: {manual: true, command: make, pool: heavy, conditions: [mine]}}"
    assert [message.partition(";")[0] for message in problems(text, "pools: {heavy: 0}\ncondition: {mine: {command: x}}")] == [
        f"{SETTINGS}:1:16: pools.heavy: 0 is too small",
        f'{SETTINGS}:2:1: unknown field "condition"',
    ]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{green: {x: 1}}", "a condition that is a command takes no arguments; write the name alone"),
        ("{fresh: 3}", "arguments are no mapping; write them by name"),
    ],
)
def test_a_declared_condition_gets_arguments_only_when_it_takes_some(condition: str, message: str) -> None:
    """A function takes them by name, a command none."""
    settings = "conditions: {green: {command: make -q}, fresh: {function: 'checks:fresh'}}"
    (told,) = problems(f"jobs: {{a: {{manual: true, command: make, conditions: [{condition}]}}}}", settings)
    assert told.endswith(f".{condition[1:6]}: {message}")


def test_a_place_in_a_text_is_told_where_it_can_be() -> None:
    """A text over several lines, or with escapes, is told at its beginning."""
    texts = [
        'schedule: "61 2 * * *"',
        "schedule: '0 61 * * *'",
        "schedule: 0 2 * * 9",
        r'schedule: "\\x36\\x31 2 * * *"'.replace("\\\\", "\\"),
    ]
    columns = [problem.column for text in texts for problem in load(f"jobs:\n  a:\n    command: make\n    {text}\n").problems]
    assert columns == [16, 18, 23, 15]


def test_a_repository_without_jobs_is_told_so() -> None:
    """An absent file never means no jobs."""
    assert problems(settings="max_concurrent: 2") == [
        f"{JOBS}: there is no such file, and no other that declares jobs; write one with `octojobs init`"
    ]


def test_a_file_of_something_else_is_not_told_entry_by_entry() -> None:
    """A thousand entries that are no jobs, a hundred unknown fields: then it is another file, and 4 MiB of it cost no minute."""
    rows = problems("jobs:\n" + "- row\n" * 5_000)
    assert len(rows) == 1_001
    assert rows[-1].endswith("so many entries are no jobs that the rest is not read; is this a file of jobs?")
    fields = problems("jobs: {a: {manual: true, command: x}}\n" + "".join(f"k{number}: 1\n" for number in range(900)))
    assert len(fields) == 101
    assert fields[-1].endswith("800 more unknown fields begin here; is this a file of jobs?")
