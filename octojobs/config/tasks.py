"""A task that a job enqueues, under `task:` and under `enqueue:` of what follows a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octojobs.config.entries import Entry
from octojobs.config.parsers import period, texts
from octojobs.core.job import TaskAction


def task(entry: Entry) -> TaskAction:
    """The task as it is declared, its placeholders not filled in."""
    value: Mapping[str, Any] = entry.value
    if not value["title"].strip():
        raise entry.at("title").invalid("is empty", "write what is to be done")
    return TaskAction(
        title=value["title"],
        body=value.get("body", ""),
        role=value.get("role", ""),
        priority=value.get("priority", ""),
        branch=value.get("branch", ""),
        dedupe=value.get("dedupe", ""),
        acceptance=texts(entry.at("acceptance")) if "acceptance" in value else (),
        expires_in_s=period(entry.at("expires_in")) if "expires_in" in value else None,
        proposed=value.get("proposed", False),
    )
