"""Definitions that are hardly any: two thousand mutants of what people write, and branches that change while they are read."""

from __future__ import annotations

import random
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from octojobs.actions.checkup.selftest import promises
from octojobs.config.blob import blob_id
from octojobs.config.loader import Loaded, Loader
from octojobs.errors import Severity
from tests.config.test_seeds import KODER, OCTOPOID, TASKS_LOOP
from tests.faults.tally import Scale, Step, Tally
from tests.faults.world import EFFECT, World, opened
from tests.helpers import git, octojobs, wait_until, write

JOBS, ONE = ".octopoid/jobs.yaml", ".octopoid/jobs/one.yaml"
MOST_S = 1.0
MOST_BYTES = 200 << 20
OURS = """\
version: 1
timezone: Europe/Berlin
defaults: {timeout: 30m}
jobs:
  nightly:
    schedule: "0 2 * * *"
    command: make nightly
    priority: high
    retries: {max: 2, backoff: exponential, on: [failed, timed_out]}
    on_failure: {command: ["notify", "me"]}
  sweep:
    interval: 1h30m
    run: octojobs.housekeeping:prune_history
    args: {days: 3}
    conditions: [no_agents_running, {between: {from: "22:00", to: "06:00"}}, any: [not: {on_branch: {branch: main}}]]
  later: {after: 10m, command: ["true"], overlap: queue_one, env: {LANG: C, NAME: "Zoë"}, secrets: [TOKEN]}
"""
EXAMPLES = [(JOBS, OCTOPOID), (JOBS, OURS), (JOBS, "job:\n" + "".join(f"  {line}\n" for line in KODER.splitlines())), (ONE, TASKS_LOOP)]
"""Each with its file; of a folder with a job a file, the other one declares nothing."""
WORDS = [
    *"null true no ~ '' \" ' [ ] { } {} [] &a *a !!str --- ... # | > ? : - 0 -1 1e999 .nan 9999999999999999999 0x1f 1:30".split(),  # noqa: SIM905 -- a list of quotes can't be read
    *"2026-13-45 1h30 -5m @reboot jobs: Jobs: conditions: interval: schedule: command: retries: cron:".split(),  # noqa: SIM905 -- as above
    *("<<: *a", "61 * * * *", "* * * * * *", "@once never", "manual: true", "x-mine: 1", "on: {job: {name: ok}}"),
    *("\t", "\r", "\x00", "\x1b[2J", "\u202e", "\ufeff", "\U0001f600", "\ud7ff"),
    *(" " * 500, "a" * 5000, "x: " * 300, "[" * 60, "{a: " * 60),
]


def _mutant(dice: random.Random) -> tuple[str, bytes]:
    """One example, changed in one to four places, and the file that it stands in."""
    path, text = dice.choice(EXAMPLES)
    for _ in range(dice.choice([1, 1, 2, 4])):
        text = dice.choice(_CHANGES)(text, dice)
    data = text.encode("utf-8", "surrogatepass")
    if dice.random() < 0.1:
        data = bytes(byte ^ (1 << dice.randrange(8)) if dice.random() < 0.01 else byte for byte in data)
    return path, data


def _cut(text: str, dice: random.Random) -> str:
    begin = dice.randrange(len(text) + 1)
    return text[:begin] + text[begin + dice.randrange(1, 40) :]


def _insert(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text) + 1)
    return text[:place] + dice.choice(WORDS) + text[place:]


def _replace_value(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [text]
    number = dice.randrange(len(lines))
    key, colon, _ = lines[number].partition(": ")
    lines[number] = f"{key}{colon}{dice.choice(WORDS)}\n"
    return "".join(lines)


def _move_line(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [text]
    line = lines[dice.randrange(len(lines))]
    lines.insert(dice.randrange(len(lines) + 1), dice.choice([line, line.strip() + "\n", "    " + line]))
    return "".join(lines)


_CHANGES: list[Callable[[str, random.Random], str]] = [_cut, _insert, _insert, _replace_value, _replace_value, _move_line]


def _mutants(tally: Tally, scale: Scale, root: Path) -> None:
    dice = scale.dice("mutants")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(scale.of(250, 2000)):
        path, data = _mutant(dice)
        files = {JOBS: (blob_id(b"jobs: {}\n"), b"jobs: {}\n"), path: (blob_id(data), data)}
        began = time.process_time()
        try:
            loaded = Loader().load(files, source="worktree")
        except Exception as error:  # noqa: BLE001 -- whatever it is, a user has caused it and reads a traceback
            tally.found(f"mutant {number}", [f"{error!r} for {data!r}"])
            continue
        took_s = time.process_time() - began
        tally.check(f"mutant {number}", took_s < MOST_S, f"it took {took_s:.1f} s: {data!r}")
        tally.found(f"mutant {number}", [f"{wrong}: {data!r}" for wrong in _refused_well(loaded)])
        tally.did("accepted" if loaded.definitions else "refused")
    rose = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    tally.check("at the end", rose < MOST_BYTES, f"the peak of memory rose by {rose >> 20} MB")


def _refused_well(loaded: Loaded) -> list[str]:
    """Nothing half: jobs without errors, or errors with their places."""
    errors = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    if (loaded.definitions is None) != bool(errors):
        return [f"{len(errors)} errors, and definitions {loaded.definitions is not None}"]
    return [f"{problem} has no place" for problem in errors if problem.path not in (JOBS, ONE) or problem.line < 1 or problem.column < 1]


def _at_the_command_line(tally: Tally, scale: Scale, root: Path) -> None:
    """What the hook says of a mutant: a line for each problem, and never a word of Python's."""
    dice = scale.dice("command line")
    with opened(root, OURS) as world:
        for number in range(scale.of(2, 40)):
            path, data = _mutant(dice)
            write(world.repo / path, "").write_bytes(data)
            done = octojobs(world.repo, "validate")
            wrong = list(promises.spoken(done.stderr))
            if done.returncode not in (0, 2):
                wrong.append(f"it exits {done.returncode}: {done.stderr}")
            tally.found(f"mutant {number} at the command line", [f"{one}: {data!r}" for one in wrong])
            tally.did("files validated")


def _branch(*jobs: str) -> str:
    return "jobs:\n" + "".join(f"  {job}:\n    interval: 1s\n    command: '{EFFECT}'\n" for job in jobs)


def storm(source: str) -> Step:
    """A daemon reads its definitions from `source` while two branches are checked out in turn."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        dice = scale.dice("storm", source)
        with opened(root, _branch("always", "left")) as world:
            git(world.repo, "checkout", "--quiet", "-b", "other")
            other = world.declare({JOBS: _branch("always", "right"), **{f"file{number}": "x\n" * 99 for number in range(50)}})
            commits = {other, git(world.repo, "rev-parse", "main"), "worktree"}
            daemon = world.start("up", "--source", source)
            wait_until(lambda: any(" right@" in f" {line}" for line in world.effects), 20, "the first runs")
            for flip in range(scale.of(30, 200)):
                git(world.repo, "checkout", "--quiet", ["main", "other"][flip % 2])
                threading.Event().wait(dice.uniform(0, 0.06))
                tally.did("checkouts")
            git(world.repo, "checkout", "--quiet", "main")
            wait_until(lambda: sum("left@" in line for line in world.effects[-4:]) > 1, 20, "the last branch to be live")
            seen = len(world.effects)
            wait_until(lambda: len(world.effects) >= seen + 6, 20, "some more runs")
            late = world.effects[seen + 2 :]
            tally.check("at the end", not any(line.startswith("right@") for line in late), f"a job of the other branch runs: {late}")
            daemon.send(signal.SIGTERM)
            tally.check("at the end", daemon.wait() == 0, f"it exits {daemon.status}: {daemon.said()[-1500:]}")
            tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked(["always"]), *_invented(world, commits)])

    return Step(f"checkout storm, {source}", do)


def _invented(world: World, commits: set[str]) -> list[str]:
    """Jobs, or definitions, that no branch has; rows of a job that was there at no time."""
    found = world.gather()
    wrong = [f"{row['id']} comes from nowhere" for row in found.rows if row["job"] not in ("always", "left", "right")]
    wrong += [
        f"{row['id']} was read from {row['definitions']}" for row in found.rows if row["attempts"] and row["definitions"] not in commits
    ]
    if found.ledger.jobs.keys() - {"always", "left", "right"}:
        wrong.append(f"jobs were invented: {sorted(found.ledger.jobs)}")
    return wrong


def steps(_: Scale) -> list[Step]:
    """Mutants read and validated, and storms over both sources."""
    return [Step("mutants", _mutants), Step("mutants at the command line", _at_the_command_line), storm("HEAD"), storm("worktree")]
