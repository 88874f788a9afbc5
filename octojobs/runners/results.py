"""A run's result as people and programs are shown it: bounded, and whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from octojobs.runners.environment import RESULT_FILE
from octojobs.slotted import dataclass
from octojobs.store.lines import Unreadable, parse

MOST_SHOWN = 1 << 16
"""A larger result is for whoever reads the file: a list of a hundred runs has to stay one that can be read."""
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Result:
    """The JSON value that the job left; None where it left none, or one that is not shown: `note` says why then."""

    value: Any = None
    note: str = ""


def shown_result(run_dir: Path) -> Result:
    """What the job left in its folder. Never raises: a job may leave anything there."""
    path = run_dir / RESULT_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return Result()
    except OSError as error:
        return Result(note=f"{path} can't be read: {os.strerror(error.errno or 0)}")
    try:
        data = _whole(descriptor)
        value = parse(data)
        if _deeper(value, DEEPEST):
            raise Unreadable("it is nested too deeply")
    except Unreadable as problem:
        return Result(note=f"{path} is not shown: {problem}")
    except OSError as error:
        return Result(note=f"{path} can't be read: {os.strerror(error.errno or 0)}")
    finally:
        os.close(descriptor)
    return Result(value)


def _whole(descriptor: int) -> bytes:
    data = bytearray()
    while len(data) <= MOST_SHOWN and (part := os.read(descriptor, MOST_SHOWN + 1)):
        data += part
    if len(data) > MOST_SHOWN:
        raise Unreadable(f"it has more than {MOST_SHOWN} bytes")
    return bytes(data)


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects stand in one another deeper than that: printing recurses."""
    layer = [value]
    for _ in range(levels):
        layer = [item for one in layer if isinstance(one, list | dict) for item in (one.values() if isinstance(one, dict) else one)]
        if not layer:
            return False
    return True
