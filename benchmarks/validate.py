"""What checking definitions costs: the hook against the bare imports of its libraries, 10,000 jobs, and a reload.

    python benchmarks/validate.py [--repeat N]

Bars: the hook on 20 jobs takes at most 1.5 times the wall time of a Python that only imports yaml, jsonschema and croniter;
10,000 jobs in 20 files validate in under 10 s.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Sequence
from pathlib import Path

from obtained import environment

from octojobs import slotted
from octojobs.config.blob import blob_id
from octojobs.config.loader import Loader

BASELINE = (sys.executable, "-c", "import yaml, jsonschema, croniter")
FILE = ".octopoid/jobs.yaml"
HOOK = (str(Path(sys.executable).parent / "octojobs-validate"),)
"""As it is installed, as what it is compared to is started, too."""


def job(number: int) -> str:
    """A job that uses what jobs use, each with a schedule of its own."""
    return f"""\
  job_{number}:
    title: Job number {number}
    schedule: "{number % 60} {number // 60 % 24} * * *"
    command: make target-{number}
    priority: high
    timeout: 30m
    retries: {{max: 2, backoff: exponential}}
    conditions: [no_agents_running, {{on_branch: main}}]
    env: {{A: x, B: y}}
    tags: [a, b]
"""


def text(jobs: int, start: int = 0) -> bytes:
    """A file of that many jobs."""
    return ("version: 1\njobs:\n" + "".join(map(job, range(start, start + jobs)))).encode()


def keep_byte_code() -> None:
    """Processes that are measured are not to compile their programs each time, whatever the environment says."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def wall(argv: Sequence[str], folder: Path) -> float:
    """Seconds from start to end of a process."""
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": ""})
    return time.perf_counter() - start


def imports_ms(repeat: int = 7) -> float:
    """Median milliseconds of the bare imports."""
    with tempfile.TemporaryDirectory() as folder:
        return statistics.median([wall(BASELINE, Path(folder)) for _ in range(repeat)]) * 1000


def process_times(repeat: int, *others: Sequence[str]) -> list[float]:
    """Median milliseconds of the bare imports, of the hook on 20 jobs, and of other commands in the same folder.

    In turns, so that a busy machine is unkind to all.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / ".octopoid").mkdir()
        (folder / FILE).write_bytes(text(20))
        for argv in (BASELINE, HOOK, *others):
            wall(argv, folder)  # byte code and schemas are compiled once
        rounds = [[wall(argv, folder) for argv in (BASELINE, HOOK, *others)] for _ in range(repeat)]
    return [statistics.median(times) * 1000 for times in zip(*rounds, strict=True)]


def check_jsonschema() -> tuple[str, ...]:
    """What others check such a file with, against our schema; raises Unmeasurable where it can't be had."""
    program = environment("check-jsonschema>=0.29") / "bin/check-jsonschema"
    return (str(program), "--schemafile", str(Path(__file__).parent.parent / "schemas/jobs.schema.json"), FILE)


def class_times(repeat: int = 7, number: int = 200) -> list[float]:
    """Median microseconds until there is a dataclass of six fields, by octojobs.slotted and by the standard library."""
    body = {"__annotations__": dict.fromkeys("abcdef", "str"), "c": "", "d": "", "e": (), "f": None, "__doc__": "Six fields."}
    times = []
    for decorate in (slotted.dataclass, dataclasses.dataclass):
        make = decorate(frozen=True, slots=True)
        times.append(statistics.median(timeit.repeat(lambda: make(type("Six", (), dict(body))), number=number, repeat=repeat)))  # noqa: B023
    return [seconds / number * 1e6 for seconds in times]


def many_times() -> tuple[float, float]:
    """Seconds to validate 10,000 jobs in 20 files, and again with one file changed."""
    contents = {f".octopoid/jobs/{number:02}.yaml": text(500, number * 500) for number in range(20)}
    files = {path: (blob_id(content), content) for path, content in contents.items()}
    loader = Loader()
    start = time.perf_counter()
    loaded = loader.load(files, source="worktree")
    whole = time.perf_counter() - start
    assert loaded.definitions is not None, loaded.problems[0]
    assert len(loaded.definitions.jobs) == 10_000
    changed = text(499)
    start = time.perf_counter()
    loader.load({**files, ".octopoid/jobs/00.yaml": (blob_id(changed), changed)}, source="worktree")
    return whole, time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What checking definitions costs.")
    parser.add_argument("--repeat", type=int, default=15, help="how often each process is started (default 15)")
    repeat = parser.parse_args().repeat
    keep_byte_code()
    imports, hook = process_times(repeat)
    print(f"hook, 20 jobs: {hook:.0f} ms; bare imports: {imports:.0f} ms; ratio {hook / imports:.2f} (bar 1.5; median of {repeat})")
    whole, again = many_times()
    print(f"10,000 jobs in 20 files: {whole:.2f} s (bar 10 s)")
    print(f"reload after one file changed: {again * 1000:.0f} ms")


if __name__ == "__main__":
    main()
