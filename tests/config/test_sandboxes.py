"""What a job may say of its sandbox."""

from __future__ import annotations

import pytest

from octojobs.core.sandbox import Backend, Mount, Sandbox
from tests.config.loading import load, problems

WRONG = [
    ("{backend: docker}", ['1:56: job "a": sandbox.backend: docker needs an image; add `image: name:tag`']),
    (
        "{backend: worktree, network: true}",
        ['1:75: job "a": sandbox.network: a sandbox of worktree has none; remove it, or choose another backend'],
    ),
    (
        "{backend: bubblewrap, image: a}",
        ['1:75: job "a": sandbox.image: a sandbox of bubblewrap has none; remove it, or choose another backend'],
    ),
    (
        "{backend: bubblewrap, network: lan}",
        ['1:77: job "a": sandbox.network: only a container has networks by name; write true or false'],
    ),
    (
        "{backend: bubblewrap, mounts: [{source: a, target: b}]}",
        ['1:97: job "a": sandbox.mounts.target: "b" is no absolute path; write where it is to be seen, from / on'],
    ),
    (
        "{backend: bubblewrap, mounts: [{source: ~ada/a, target: /b}]}",
        ['1:86: job "a": sandbox.mounts.source: "~ada/a" is the home folder of somebody else; write the path out'],
    ),
    (
        "{backend: bubblewrap, mounts: [{source: a, target: /proc/a}]}",
        ['1:97: job "a": sandbox.mounts.target: nothing can be mounted at /proc/a; write another place'],
    ),
    (
        "{backend: docker, image: a, mounts: [{source: a, target: //.}]}",
        ['1:103: job "a": sandbox.mounts.target: nothing can be mounted at //.; write another place'],
    ),
]


@pytest.mark.parametrize(("text", "messages"), WRONG)
def test_a_sandbox_that_cannot_be_is_told(text: str, messages: list[str]) -> None:
    """What is wrong, where, and what to write."""
    assert problems(f"jobs: {{a: {{manual: true, prompt: x, sandbox: {text}}}}}") == messages


@pytest.mark.parametrize(
    ("text", "sandbox"),
    [
        ("{backend: worktree}", Sandbox(Backend.WORKTREE)),
        ("{backend: docker, image: 'a:1', network: lan}", Sandbox(Backend.DOCKER, "a:1", network="lan")),
        (
            "{backend: bubblewrap, network: true, mounts: [{source: ../b, target: /b, write: true}]}",
            Sandbox(Backend.BUBBLEWRAP, "", network=True, mounts=(Mount("../b", "/b", write=True),)),
        ),
        ("{backend: podman, image: a, mounts: [{source: ~/.cache}]}", Sandbox(Backend.PODMAN, "a", mounts=(Mount("~/.cache"),))),
    ],
)
def test_a_sandbox_is_what_it_says(text: str, sandbox: Sandbox) -> None:
    """The backend, and what belongs to it."""
    loaded = load(f"jobs: {{a: {{manual: true, prompt: x, sandbox: {text}}}}}")
    assert loaded.definitions is not None
    (job,) = loaded.definitions.jobs.values()
    assert job.sandbox == sandbox


def test_agents_are_kept_apart_unless_they_say_otherwise() -> None:
    """Commands work in the working tree, and agents in a worktree."""
    loaded = load(
        "jobs: {a: {manual: true, prompt: x}, b: {manual: true, command: x}, c: {manual: true, prompt: x, sandbox: {backend: none}}}"
    )
    assert loaded.definitions is not None
    assert [job.apart.backend for job in loaded.definitions.jobs.values()] == ["worktree", "none", "none"]


def test_a_task_has_no_sandbox() -> None:
    """It runs nothing; one of `defaults` means the other jobs."""
    assert problems("jobs: {a: {manual: true, task: {title: x}, sandbox: {backend: worktree}}}") == [
        '1:44: job "a": sandbox belongs to jobs with `command:`, `run:` or `prompt:`; remove it'
    ]
    assert load("defaults: {sandbox: {backend: worktree}}\njobs: {a: {manual: true, task: {title: x}}}").definitions is not None
