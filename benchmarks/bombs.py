"""Files that are made to exhaust a YAML reader: what refusing each of them costs. Run by run.py, a process for each.

    python benchmarks/bombs.py NAME

Prints one line of JSON: milliseconds and megabytes (the growth of the process's peak), and what the loader said.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from octojobs.config.blob import blob_id
from octojobs.config.limits import MAX_BYTES
from octojobs.config.loader import Loader

FULL = MAX_BYTES - 100
"""As large as a file may be and still be read."""


def _laughs() -> str:
    lines = ["a: &a [" + ", ".join("x" * 9) + "]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)]
    return "\n".join(lines) + "\n"


def _merges() -> str:
    lines = ["k0: &k0 {a: 1}"]
    lines += [f"k{number}: &k{number} {{<<: [{', '.join([f'*k{number - 1}'] * 2)}]}}" for number in range(1, 26)]
    return "\n".join(lines) + "\n"


BOMBS: Mapping[str, Callable[[], str]] = {
    "billion laughs": _laughs,
    "merge keys that double": _merges,
    "4 MiB of flow brackets": lambda: "a: " + "[" * FULL + "\n",
    "4 MiB of block nesting": lambda: "".join(" " * depth + "a:\n" for depth in range(2800)),
    "4 MiB of anchors": lambda: "a:\n" + "".join(f"- &x{number} y\n" for number in range(FULL // 14)),
    "4 MiB of aliases": lambda: "a: &a x\nb: [" + "*a," * (FULL // 3 - 10) + "]\n",
    "4 MiB of list items": lambda: "a:\n" + "- x\n" * (FULL // 4 - 2),
    "4 MiB of longer items": lambda: "- aaaaaaa\n" * (FULL // 10),
    "4 MiB of jobs that are none": lambda: "jobs:\n" + f"- {'a' * 38}\n" * 99_990,
    "4 MiB of unknown fields": lambda: "".join(f"k{number}: {'a' * 70}\n" for number in range(49_990)),
    "4 MiB of keys": lambda: "".join(f"k{number}: 1\n" for number in range(FULL // 12)),
    "4 MiB of one key, again and again": lambda: "k: 1\n" * (FULL // 5),
    "an integer of 4 MiB": lambda: "version: " + "9" * FULL + "\n",
    "a text of 4 MiB": lambda: 'version: "' + "x" * FULL + '"\n',
    "a comment of 4 MiB": lambda: "# " + "x" * FULL + "\n",
    "4 MiB of documents": lambda: "--- x\n" * (FULL // 6),
    "12 MiB": lambda: "a: x\n" * (3 * MAX_BYTES // 5),
}


def peak_mb(reset: bool = False) -> float:
    """The most memory that this process held since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[0]) * 1024 / 1e6


def refuse(name: str) -> dict[str, float | str]:
    """Load the bomb as a repository's only file of jobs; one small file was read before, so that all modules are there."""
    loader, path = Loader(), ".octopoid/jobs.yaml"
    warm = b"version: 1\njobs: {a: {manual: true, command: 'true'}}\n"
    loader.load({path: (blob_id(warm), warm)}, source="worktree")
    data = BOMBS[name]().encode()
    files = {path: (blob_id(data), data)}
    before = peak_mb(reset=True)
    started = time.perf_counter()
    loaded = loader.load(files, source="worktree")
    took = time.perf_counter() - started
    said = "loaded" if loaded.definitions is not None else loaded.problems[0].what
    return {"ms": took * 1000, "mb": max(0.0, peak_mb() - before), "said": said}


if __name__ == "__main__":
    print(json.dumps(refuse(sys.argv[1])))
