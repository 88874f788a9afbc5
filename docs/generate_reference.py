"""Writes docs/reference/jobs.md, octojobs-yaml.md and agent-yaml.md from schemas/: `python docs/generate_reference.py`."""
# ruff: noqa: INP001 - a script beside the pages that it writes, no package

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

SECTIONS: dict[str, tuple[str, ...]] = {
    "Name": ("id", "slug", "name", "title", "description", "tags", "enabled", "type"),
    "When": ("schedule", "interval", "interval_seconds", "after", "on", "manual", "timezone", "jitter", "quiet_hours", "adapt"),
    "Guards": ("conditions", "when_blocked", "on_unknown", "hold"),
    "Limits": ("timeout", "timeout_seconds", "idle_timeout", "kill_grace", "max_output"),
    "Overlap and catching up": ("overlap", "max_instances", "catch_up", "catch_up_window", "start_deadline"),
    "Order": ("priority", "pool", "group"),
    "Failures": ("retries", "max_retries", "pause_after", "run_when_paused"),
    "Action": ("command", "shell", "run", "args", "python", "task"),
    "Agent jobs": (
        "prompt",
        "prompt_file",
        "agent",
        "model",
        "max_turns",
        "max_budget_usd",
        "allowed_tools",
        "resume",
        "expect",
        "i_accept",
    ),
    "Surroundings": ("cwd", "env", "pass_env", "secrets", "sandbox"),
    "Hooks": ("on_start", "on_success", "on_failure", "output", "notify", "ping"),
}
"""Every field of a job, in the order in which a reader needs it."""

NOTES = {
    "Name": "A job's name is its key under `jobs:`, or `name` in a list, or the name of its file in `.octopoid/jobs/`.",
    "When": "Exactly one of `schedule`, `interval`, `after`, `on` and `manual`. What `on` waits for is told in [Triggers](../triggers.md).",
    "Guards": "Every guard answers passed, failed or unknown, with its evidence; `octojobs why JOB` shows it.",
    "Action": "Exactly one of `command`, `run`, `task`, and for agent jobs `prompt` or `prompt_file`.",
    "Agent jobs": "A run asks a coding agent, in a worktree of its own: [Agents](../agents.md). The backends `bubblewrap`, `docker` and `podman` are known and listed, not run by this version: due instants of such jobs are recorded as skipped, with the reason.",
    "Hooks": "Once a run has begun, or has ended: `command`, `run` with the name of a job, `enqueue` with a [task](#task), or `notify` with channels; [Hooks of a run](../runs.md#hooks-of-a-run) has the rules. `notify` and `output` are told in [Notifications](../notifications.md).",
    "Surroundings": (
        "A job is told about itself by `OCTOJOBS_JOB`, `_RUN_ID`, `_SCHEDULED_AT`, `_ATTEMPT`, `_REPO`, `_COMMIT`, `_RUN_DIR`, `_RESULT`, "
        "`_LAST_SUCCESS_AT` and `_TRIGGER`, a [triggered](../triggers.md) one also by `_REF` and `_BEFORE`. Of octojobs' own environment it gets a few plain variables (`PATH HOME LANG TZ` …), and what "
        "`pass_env` names; `octojobs run-now JOB --dry-run` prints it all. `sandbox` is told in [Sandboxes](../sandboxes.md)."
    ),
}

JOBS_EXAMPLE = """\
version: 1
timezone: Europe/Berlin
defaults: {timeout: 30m}
jobs:
  tidy:
    interval: 1h
    command: git worktree prune --verbose
    conditions: [no_agents_running, {quiet_for: 10m}]
  nightly:
    schedule: "0 2 * * *"
    command: ["make", "nightly"]
    retries: {max: 2, backoff: exponential}
    on_failure: {command: 'notify-send "nightly failed"'}
"""

SETTINGS_EXAMPLE = """\
version: 1
max_concurrent: 2
pools: {database: 1}
conditions:
  vpn_is_up: {command: ["nmcli", "--terse", "connection", "show", "--active"]}
retention: {days: 30}
"""

_GENERATED = "<!-- Written by docs/generate_reference.py from schemas/{}; change it there. -->"
_NAMED = {
    "duration": "duration",
    "size": "size",
    "condition": "condition",
    "follow_up": "`{command: …}`, `{run: JOB}`, `{enqueue: {title: …}}` or `{notify: [CHANNEL]}`",
    "task": "a [task](#task)",
    "job": "a job's fields",
    "jobs": "mapping of names to jobs, or list of jobs",
    "defaults": "a job's fields",
}
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "null": "nothing",
}
_WORD = ["string", "number", "boolean"]  # text that need not be quoted: 8080, true

Schema = Mapping[str, Any]


def pages(root: Path = ROOT) -> dict[Path, str]:
    """The text of each page by its path."""
    jobs = json.loads((root / "schemas/jobs.schema.json").read_text(encoding="utf-8"))
    settings = json.loads((root / "schemas/octojobs.schema.json").read_text(encoding="utf-8"))
    agent = json.loads((root / "schemas/agent.schema.json").read_text(encoding="utf-8"))
    made = {"jobs.md": jobs_page(jobs), "octojobs-yaml.md": settings_page(settings), "agent-yaml.md": agent_page(agent)}
    return {root / "docs/reference" / name: "\n".join(lines) + "\n" for name, lines in made.items()}


def jobs_page(schema: Schema) -> Iterator[str]:
    """The lines of the page about jobs."""
    parts = schema["definitions"]
    fields = parts["job"]["properties"]
    yield from (_GENERATED.format("jobs.schema.json"), "", "# Jobs", "", schema["description"], "", "```yaml", JOBS_EXAMPLE + "```", "")
    yield from ("`octojobs validate` checks the files, `octojobs inspect JOB` shows a job with its defaults filled in.", "")
    yield from ("Keys that begin with `x-` are left alone; any other that is not listed here is an error.", "")
    yield from ("## The file", "", *_table(parts["file"]["properties"]))
    for title, names in SECTIONS.items():
        yield from (f"## {title}", "")
        if title in NOTES:
            yield from (NOTES[title], "")
        yield from _table({name: fields[name] for name in names})
        for name in names:
            if inner := fields[name].get("properties"):
                yield from (f"### `{name}`", "", *_table(inner, fields[name].get("required", ())))
                yield from _of_items(inner)
        if title == "Action":
            task = parts["task"]
            yield from ("### `task`", "", task["description"], "", *_table(task["properties"], task["required"]))
        if title == "Guards":
            yield from ("### Conditions", "", parts["condition"]["description"], "", *_conditions(parts["condition"]["properties"]))
    yield from ("## Values", "", "| value | is |", "|---|---|")
    yield from (f"| {name} | {_cell(parts[name]['description'])} |" for name in ("duration", "size"))


def agent_page(schema: Schema) -> Iterator[str]:
    """The lines of the page about agents."""
    yield from (
        _GENERATED.format("agent.schema.json"),
        "",
        "# Agents' files",
        "",
        schema["description"],
        "",
        "What the fields do is told in [Agents](../agents.md).",
        "",
    )
    yield from _table(schema["properties"])
    for name, field in schema["properties"].items():
        inner = field.get("properties") or field.get("items", {}).get("properties")
        if inner:
            required = field.get("required", ()) or field.get("items", {}).get("required", ())
            yield from (f"## `{name}`", "", *_table(inner, required))


def _of_items(fields: Mapping[str, Schema]) -> Iterator[str]:
    """Tables of the fields that hold lists of mappings."""
    for name, field in fields.items():
        if inner := field.get("items", {}).get("properties"):
            yield from (f"#### `{name}`", "", *_table(inner, field["items"].get("required", ())))


def settings_page(schema: Schema) -> Iterator[str]:
    """The lines of the page about settings."""
    yield from (_GENERATED.format("octojobs.schema.json"), "", "# Settings", "", schema["description"], "")
    yield from ("```yaml", SETTINGS_EXAMPLE + "```", "", "The file may be missing: everything in it has a default.", "")
    yield from _table(schema["properties"])
    for name, field in schema["properties"].items():
        inner = field.get("properties") or (field.get("additionalProperties") or {}).get("properties")
        if inner:
            title = name if "properties" in field else f"{name}.NAME"
            yield from (f"## `{title}`", "", *_table(inner, field.get("required", ())))
            for key, deeper in inner.items():
                if "properties" in deeper:
                    yield from (f"### `{title}.{key}`", "", *_table(deeper["properties"], deeper.get("required", ())))


def _table(fields: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Iterator[str]:
    yield from ("| field | takes | meaning |", "|---|---|---|")
    for name, field in fields.items():
        must = " Required." if name in required else ""
        yield f"| `{name}` | {_cell(_takes(field))} | {_cell(field['description'])}{must} |"
    yield ""


def _conditions(conditions: Mapping[str, Schema]) -> Iterator[str]:
    yield from ("| condition | takes | holds when |", "|---|---|---|")
    for name, condition in conditions.items():
        arguments = [f"`{argument}`: {_takes(field)}" for argument, field in condition.get("properties", {}).items()]
        plain = _takes({**condition, "type": [kind for kind in _list(condition.get("type")) if kind not in ("object", "null")]})
        takes = " or ".join(part for part in (plain, "; ".join(arguments)) if part) or "nothing"
        yield f"| `{name}` | {_cell(takes)} | {_cell(condition['description'])} |"
    yield ""


def _takes(field: Schema) -> str:
    """What a value may be, in words."""
    if "$ref" in field:
        return _NAMED.get(field["$ref"].rpartition("/")[2], "")
    if "enum" in field:
        return " ".join(f"`{json.dumps(value) if not isinstance(value, str) else value}`" for value in field["enum"])
    if field.get("type") == _WORD:
        return "text"
    return " or ".join(_kind(kind, field) for kind in _list(field.get("type")))


def _kind(kind: str, field: Schema) -> str:
    if kind == "array":
        return f"list of {_plural(_takes(field.get('items', {})))}"
    if kind == "integer" and "minimum" in field and "string" not in _list(field.get("type")):
        return f"whole number, {field['minimum']} or more"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        value = field["additionalProperties"]
        return f"mapping of names to {_plural(_takes(value))}"
    return _TYPES[kind]


def _plural(word: str) -> str:
    words = {"text": "texts", "condition": "conditions", "mapping": "mappings", "whole number": "whole numbers"}
    return words.get(word, word.replace("whole number, ", "whole numbers, ") if word.startswith("whole number") else word or "values")


def _list(kind: Any) -> list[str]:
    return [] if kind is None else [kind] if isinstance(kind, str) else list(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
