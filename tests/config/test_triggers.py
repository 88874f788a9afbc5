"""What is wrong with a trigger is told where it stands, with the remedy; what is right is read completely."""

from __future__ import annotations

import pytest

from octojobs.core.job import Overlap
from octojobs.core.when import Ending, JobWhen, RefWhen, TagWhen, TaskWhen
from tests.config.loading import load, problems

WRONG = [
    ("on: {ref: main}", '1:39: job "a": on.ref: "main" is not a full ref name; write refs/heads/main'),
    ("on: {ref: origin/main}", '1:39: job "a": on.ref: "origin/main" is not a full ref name; write refs/remotes/origin/main'),
    ("on: {ref: tags/v1}", '1:39: job "a": on.ref: "tags/v1" is not a full ref name; write refs/tags/v1'),
    (
        "on: {ref: HEAD}",
        '1:39: job "a": on.ref: HEAD stands for another branch after a switch; name the branch in full, such as refs/heads/main',
    ),
    (
        'on: {ref: "refs/heads/*"}',
        '1:39: job "a": on.ref: "refs/heads/*" is a pattern, and one ref is watched; name it in full, and write a job for each',
    ),
    (
        "on: {ref: refs/heads/a..b}",
        '1:39: job "a": on.ref: "refs/heads/a..b" is no name that git would take; write a full ref name, such as refs/heads/main',
    ),
    ("on: {}", '1:33: job "a": on: is empty; write a value or remove the field'),
    ("on: {paths: [src]}", '1:33: job "a": on: does not say what to wait for; paths belong to a ref: add `ref:`'),
    (
        "on: {ref: refs/heads/main, tag: v1}",
        '1:61: job "a": on.tag: ref and tag are both given; keep one of them, and write a job for the other',
    ),
    (
        "on: {tag: v1, paths: [src]}",
        '1:50: job "a": on.paths: paths are those of a ref\'s commits; remove them, or wait for a ref instead of a tag',
    ),
    ("on: {ref: refs/heads/main, paths: ['!src']}", '1:63: job "a": on.paths: takes no path in; add a pattern without !, such as src/**'),
    (
        "on: {ref: refs/heads/main, paths: [/src]}",
        '1:64: job "a": on.paths: "/src" is no pattern of paths in the repository; write it from the root on, such as src/**',
    ),
    ("on: {tag: refs/tags/v1}", '1:39: job "a": on.tag: "refs/tags/v1" is not how a tag is called; write v1'),
    (
        'on: {tag: "v 1"}',
        '1:39: job "a": on.tag: "v 1" is no name, and no pattern of names, that git would take for a tag; write one such as v*',
    ),
    ("on: {job: {b: succeeded}}", '1:43: job "a": on.job.b: there is no job "b"; declare it, or remove this'),
    ("on: {job: {a: succeeded}}", '1:43: job "a": on.job.a: a job that starts itself never ends; name another job'),
    ("on: {job: {a b: succeeded}}", '1:45: job "a": on.job.a b: there is no job "a b"; declare it, or remove this'),
    ("on: {job: {a: success}}", '1:43: job "a": on.job.a: "success" is not one of succeeded, failed, finished; did you mean "succeeded"?'),
    ("on: {reff: refs/heads/main}", '1:34: job "a": on: unknown field "reff"; did you mean "ref"?'),
    (
        "on: {task: {state: x}}",
        (
            '1:48: job "a": on.task.state: "x" is no state of a task; '
            "write proposed, incoming, claimed, provisional, done, failed or quarantined"
        ),
    ),
    ("on: {task: {flow: default}}", '1:40: job "a": on.task: "state" is missing; add `state:`'),
    (
        r'on: {task: {state: done, flow: "a\nb"}}',
        '1:60: job "a": on.task.flow: is no name of a flow; write it as it stands in the task, on one line',
    ),
    ("on: {tag: v*}, catch_up: none", '1:54: job "a": catch_up: means nothing for a job that is triggered; remove it'),
    ("on: {tag: v*}, interval: 1h", '1:29: job "a": interval and on are both given; keep one of them'),
]


@pytest.mark.parametrize(("field", "problem"), WRONG, ids=[field for field, _ in WRONG])
def test_what_is_wrong_is_told_where_it_stands(field: str, problem: str) -> None:
    """With what is allowed there."""
    assert problems(f"jobs: {{a: {{command: 'true', {field}}}}}\n") == [problem]


def test_jobs_that_trigger_each_other_are_refused() -> None:
    """Whichever way the one names the other."""
    text = """\
version: 1
jobs:
  build: {command: make, manual: true, on_success: {run: test}}
  test: {command: make test, on: {job: {build: failed}}}
  ship: {command: make ship, on: {job: {test: finished}}}
  check: {command: make check, on: {job: {ship: succeeded}}, on_failure: {run: build}}
"""
    assert problems(text) == [
        '6:80: job "check": on_failure.run: build, test, ship and check start each other for ever; remove one of them'
    ]


def test_each_trigger_is_read() -> None:
    """By default a run that is due waits while another is open: a commit does not come again; each tag waits for itself."""
    text = """\
version: 1
jobs:
  ref: {command: "true", on: {ref: refs/heads/main}}
  paths: {command: "true", on: {ref: refs/remotes/origin/main, paths: "src/**"}, overlap: skip}
  tag: {command: "true", on: {tag: "v*"}}
  job: {command: "true", on: {job: {ref: finished}}}
  task: {command: "true", on: {task: {state: provisional, flow: release}}}
  plain: {command: "true", manual: true}
"""
    loaded = load(text).definitions
    assert loaded is not None
    found = {job.id: (job.when, job.overlap) for job in loaded.jobs.values()}
    ref = next(name for name in found if name == "ref")
    assert found.pop(ref) == (RefWhen("refs/heads/main"), Overlap.QUEUE_ONE)
    assert list(found.values())[:4] == [
        (RefWhen("refs/remotes/origin/main", ("src/**",)), Overlap.SKIP),
        (TagWhen("v*"), Overlap.QUEUE_ALL),
        (JobWhen(ref, Ending.FINISHED), Overlap.QUEUE_ONE),
        (TaskWhen("provisional", "release"), Overlap.QUEUE_ALL),
    ]
    assert [overlap for _, overlap in list(found.values())[4:]] == [Overlap.SKIP]
