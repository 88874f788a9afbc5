"""Writes docs/reference/verbs.md from the verbs themselves: `python docs/generate_verbs.py`."""
# ruff: noqa: INP001 - a script beside the page that it writes, no package

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from octojobs.cli.verbs import VERBS

PAGE = Path(__file__).parent / "reference" / "verbs.md"

INTRO = """\
# Verbs

Written by `docs/generate_verbs.py` from the verbs themselves; a test compares.

- Every reading verb has `--json`, every acting verb `--dry-run`. `--repo PATH` may stand before the verb, too.
- On a terminal there are tables, colours (`NO_COLOR` is respected) and times such as `in 2 h (2026-11-20T12:00:00Z)`; where it is
  too narrow for that, the time in brackets is left out, and then each cell gets a line. In a pipe there is a line for each
  thing, its cells parted by tabs, without headings, times absolute: the verb's help names the columns.
  An empty cell is `-`. Results go to standard output, remarks to standard error.
- Instants are RFC 3339 with an offset: `2026-11-20T10:00Z`. Durations are `90`, `2m`, `1h30m`.
- A run's id may be shortened to its beginning, to the beginning of what follows its `@`, or to the hex digits at its end.
- Exit codes are in [exit-codes.md](exit-codes.md). A mistake of ours is exit 70, and a report file whose path is printed.

## What `--json` prints

`schemas/verbs.schema.json` has a definition for each verb. All keys are always there.

- **list**: `source`, `note`, `damage`, `warnings` (`what`, `fix`), `jobs`: each `job`, `title`, `type`, `when`, `timezone`, `enabled`, `priority`,
  `pool`, `group`, `tags`, `next`, `adapted` (`interval`, `no_ops`; null for nothing), `paused`, `open_runs`, `last_run`, `last_outcome`, `last_end`, `last_success_at`, `failures`,
  `source` (`path`, `line`)
- **inspect**: those of a job, `description`, `seen` (`cursor`, `anchor`, `mode`), `fields` (by the names of the jobs file), `last_result`,
  `last_result_note`, `commit`, `note`
- **next**: `job`, `when`, `timezone`, `note`, `adapted` (as in `list`), `limit` (`provider`, `until`, `since`, `run`; null without one), `instants` (each `at`); without a job `jobs`, a list of those
- **plan**: `at`, `source`, `note`, `next` (`job`, `at`), `decisions`: each `job`, `id`, `scheduled_at`, `first_scheduled_at`,
  `count`, `action` (`start` `wait` `go_on` `cancel` `skip` `miss`), `cause`, `reason`, `conditions`. With `BASE..HEAD`: `base`, `head`
  (`name`, `commit`), `from`, `until`, `note`, `added`, `removed`, `moved` (numbers of instants), `settings` (each `field`, `before`,
  `after`), `jobs`: each `job`, `change`, `when`, `action`, `files`, `fields` (with `about`: `when` `executes` `rules`), `instants`, `note`
- **simulate**: `from`, `until`, `source`, `note`, `assumed` (`guards`; `durations`, each `job`, `duration_s`, `outcome`, `source`,
  `runs`), `jobs` (each `job`, `outcomes`, `open`, `waited`, `longest_wait_s`), `runs` (each `id`, `job`, `scheduled_at`,
  `first_scheduled_at`, `count`, `cause`, `started_at`, `ended_at`, `attempts`, `outcome`, `wait_s`, `reason`, `recorded`), `left_out`,
  `unmatched`, `stopped_at`
- **why**: `job`, `at`, `records` (runs), `now` (`decisions`, `conditions`, `next`, `adapted`, `limit`), `text` (sentences)
- **runs**: `runs`: each `id`, `job`, `scheduled_at`, `attempt`, `outcome`, `reason`, `phase`, `cause`, `claimed_at`,
  `started_at`, `ended_at`, `at`, `duration_s`, `exit_code`, `signal`, `count`, `first_scheduled_at`, `correction`,
  `conditions`, `attempts`, `commit`, `definitions`, `dirty`, `forced`, `requested_by`, `not_before`, `pid`,
  `result` (the JSON that the last attempt left in `OCTOJOBS_RESULT`; null where it left none, or its folder is gone), `result_note` (why
  a result is not shown: more than 64 KiB, no JSON). An attempt has `number`, `outcome`, `started_at`, `ended_at`, `exit_code`, `signal`, `reason`,
  `void`, `limited_until`, `usage` (of an agent: `agent`, `day`, `profile`, `model`, `input_tokens`, `cached_tokens`, `output_tokens`, `cost_usd`; else null)
- **logs**: `run`, `job`, `attempt`, `outcome`, `bytes` (that it wrote), `truncated` (whether some of that is left out), `output`;
  with `-f` an object a line, each with the output that is new
- **status**: `repository`, `state`, `healthy`, `problems` (`what`, `fix`), `daemon` (`pid`, `since`, `role`, `stopped`, `version`,
  `definitions`), `source` (`name`, `definitions`, `note`), `trust` (`allowed`, `level`), `paused`, `jobs` (`declared`, `disabled`,
  `paused` (`job`, `since`, `until`, `reason`)), `pools` (`name`, `size`, `running`, `queued`), `running`, `queued`,
  `next` (`job`, `at`), `limits` (as of `next`), `outbox` (`pending`, `dead`, `letters`: `id`, `channel`, `at`, `attempts`, `why`), `warnings`,
  `failures` (runs, with `failures` in a row and the `tail` of the output), `tasks` (`states` (`state`, `count`), `quarantined`,
  `expired`, `missing`; null without any)
- **validate**: `valid`, `jobs`, `files`, `problems`: each `path`, `line`, `column`, `severity`, `what`, `fix`
- **enqueue**: `task`, `new`. A task has `id`, `title`, `state`, `phase`, `flow`, `role`, `priority`, `branch`, `created_at`, `created_by`, `run`, `dedupe`,
  `parent`, `depth`, `blocked_by`, `waits_for`, `expires_at`, `acceptance`, `version`, `attempts`, `claimed_by`, `claimed_at`,
  `claimed_until`, `claimed_run`, `pid`, `reason`, `path`, `missing`
- **task list**: `tasks`, `notes`; **task show**: a task, `body`, `history` (`at`, `event`, `from`, `to`, `version`, `by`, `reason`);
  **task claim**: `task` (with `result_file`; null when none is ready); **task renew**, **done**, **fail**, **requeue**: `task`;
  **task restore**, **requeue --expired**: `tasks`
- **lease list**: `leases`; **lease take**: `lease` (null when somebody holds it), `held_by` (null else), `reason`; **lease release**: `lease`.
  A lease has `lease` (its name), `holder`, `task`, `name`, `branch`, `worktree`, `paths`, `run`, `pid`, `since`, `until`, `holds` (null when
  nobody can tell), `problem`
- **agent list**: `agents`: each `agent`, `file` (null for a shipped one), `profile`, `program`, `found` (where; null when it is not there), `version`
  (null where nobody asks), `jobs`, `pools`, `provider`, `limit`, `problem`; **agent run**: `run` (one as in `runs`); **agent usage**: `usage`: each `day`, `job`, `agent`, `runs`, `untold` (attempts that told
  nothing), `input_tokens`, `cached_tokens`, `output_tokens`, `cost_usd`, `models`; `total` (the same sums), `problems`
- **doctor**: `healthy`, `findings`: each `level` (`ok` `weak` `wrong`), `subject`, `what`, `fix`

`outcome` is null while a run is open. `conditions` are verdicts: `guard`, `status` (`passed` `failed` `unknown`), `evidence`.
"""


def page() -> str:
    """The whole page."""
    return INTRO + "".join(_sections())


def _sections() -> Iterator[str]:
    for section in dict.fromkeys(entry.section for entry in VERBS.values()):
        yield f"\n## {section}\n"
        for name, entry in VERBS.items():
            if entry.section == section:
                yield f"\n### {name}\n\n"
                yield f"The same as [{entry.alias_of}](#{entry.alias_of}).\n" if entry.alias_of else "".join(_verb(name))


def _verb(name: str) -> Iterator[str]:
    """What the verb's help says, laid out by us: click lays it out differently from version to version."""
    command = importlib.import_module(f"octojobs.cli.commands.{VERBS[name].module}").command
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    options = [param for param in command.params if isinstance(param, click.Option)]
    yield f"```text\noctojobs {' '.join([name, *map(_shown, arguments)])}\n```\n\n{inspect.cleandoc(command.help or '')}\n\n"
    if options:
        yield "| option | |\n|---|---|\n"
    for option in options:
        yield f"| `{_option(option)}` | {(option.help or '').replace('|', chr(92) + '|')} |\n"
    yield "\n```sh\n" if options else "```sh\n"
    width = max(len(line) for line, _ in command.examples)
    for line, what in command.examples:
        yield f"{line.ljust(width)}  # {what}\n"
    yield "```\n"


def _shown(argument: click.Argument) -> str:
    name = argument.metavar or (_choices(argument) or (argument.name or "").upper())
    name = f"{name}..." if argument.nargs == -1 else name
    return name if argument.required else f"[{name}]"


def _option(option: click.Option) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    if option.is_flag:
        return names
    return f"{names} {(_choices(option) if not option.metavar else option.metavar) or (option.type.name or '').upper()}".replace("|", "\\|")


def _choices(param: click.Parameter) -> str:
    return "|".join(map(str, param.type.choices)) if isinstance(param.type, click.Choice) else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
