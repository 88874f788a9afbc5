"""What `.octopoid/octojobs.yaml` says about tasks."""

from __future__ import annotations

import pytest

from octojobs.core.definitions import TaskSettings
from tests.config.loading import load, problems


def test_the_settings_of_tasks_are_read() -> None:
    """Durations in words, limits by state."""
    text = (
        "task_format: octopoid\ntasks: {folder: .orchestrator/shared/queue, max_open: 5, max_per_run: 2, queue_limits: {claimed: 1}, "
        "lease: 30m, max_attempts: 1}\n"
    )
    definitions = load("jobs: {}\n", text).definitions
    assert definitions is not None
    assert definitions.settings.task_format == "octopoid"
    assert definitions.settings.tasks == TaskSettings(".orchestrator/shared/queue", 5, 2, {"claimed": 1}, 1800, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "task_format: octopoid",
            "1:14: task_format: octopoid's form, and no queue is named; add `tasks: {folder: .orchestrator/shared/queue}`, or where it is",
        ),
        ("task_format: yaml", '1:14: task_format: "yaml" is not one of front_matter, octopoid'),
        ("tasks: {folder: ../x}", '1:17: tasks.folder: "../x" leads out of the repository; write a path in it'),
        ("tasks: {folder: /x}", '1:17: tasks.folder: "/x" is not a path in the repository'),
        ("tasks: {queue_limits: {incomming: 1}}", '1:35: tasks.queue_limits.incomming: there is no such state; did you mean "incoming"?'),
        ("tasks: {lease: 0}", "1:16: tasks.lease: 0 is too small; write 1 or more"),
        ("tasks: {max_open: 0}", "1:19: tasks.max_open: 0 is too small; write 1 or more"),
        ("tasks: {max_close: 1}", '1:9: tasks: unknown field "max_close"; did you mean "max_open"?'),
    ],
)
def test_a_mistake_in_them_has_its_place_and_its_remedy(text: str, problem: str) -> None:
    """As everywhere in the settings."""
    assert problems("jobs: {}\n", f"{text}\n") == [f".octopoid/octojobs.yaml:{problem}"]
