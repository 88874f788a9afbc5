"""What a sandbox is given in place of the real thing, and what becomes of it: refs, logs, the run's folder, a function's memory.

Whoever can write below `refs` can move every branch, and comparing them before and after can't tell the sandbox's moves from those of
the people who work here meanwhile. So a sandbox has refs of its own, copied when it begins: nothing that it does to them
reaches the repository, and what it moved is told. The commits that its worktree ends on are kept, on whatever branch of its own it is.

The folder `.inside` of the attempt lasts until that is settled; a killed run's is found there, as its worktree is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from octojobs import run_worktrees
from octojobs.core.codec import NotDecodable, decode, encode
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.runners.context import write_whole
from octojobs.runners.environment import RESULT_FILE
from octojobs.runners.receipts import read_result
from octojobs.runners.remains import NOTE
from octojobs.slotted import dataclass
from octojobs.store.paths import FOLDER_MODE

INSIDE = os.path.dirname(NOTE)
PROMPT_FILE = "prompt.md"
"""What an agent was asked, in the folder of its attempt."""
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST = 4096
_MOST_REFS = 100_000
_OWN_CONFIG = "config.worktree"


@dataclass(frozen=True, slots=True)
class Kept:
    """What has to be known at the end: the loose refs at the beginning, a function's memory, how its container is removed."""

    refs: Mapping[str, str]
    memory: str = ""
    own_config: bool = False
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inside:
    """The folders that a sandbox is shown in place of others."""

    root: Path

    @property
    def refs(self) -> Path:
        """In place of the repository's loose refs."""
        return self.root / "refs"

    @property
    def logs(self) -> Path:
        """In place of their logs."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """In place of the attempt's folder, where only octojobs may write how the run ended."""
        return self.root / "run"

    @property
    def memory(self) -> Path:
        """In place of the folder in which functions keep their state, for there is that of others as well."""
        return self.root / "memory"

    @property
    def state(self) -> Path:
        """In place of the state folder in a container: the folders on the way to what is shown of it, and nothing else."""
        return self.root / "state"

    @property
    def note(self) -> Path:
        """What has to be known at the end."""
        return self.root.parent / NOTE


def furnish(repository: Repository, tree: Path, run_dir: Path, memory: str, remove: tuple[str, ...] = ()) -> Inside:
    """Make the folders for a run, or find those of what has run in it before. Raises OctojobsError, and OSError."""
    inside = Inside(run_dir / INSIDE)
    if inside.note.exists():
        return inside
    for folder in (inside.root, inside.refs, inside.logs, inside.run, inside.memory, inside.state):
        folder.mkdir(FOLDER_MODE)
    refs = _loose(repository.common_dir / "refs")
    for name in ("refs/heads", "refs/tags", *(os.path.dirname(name) for name in refs)):
        (inside.root / name).mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    for name, value in refs.items():
        (inside.root / name).write_text(f"{value}\n", encoding="utf-8", errors="surrogateescape")
    if memory:
        with suppress(FileNotFoundError):
            shutil.copyfile(memory, inside.memory / os.path.basename(memory))
    with suppress(FileNotFoundError):
        shutil.copyfile(run_dir / PROMPT_FILE, inside.run / PROMPT_FILE)
    own_config = (run_worktrees.git_dir(repository, tree) / _OWN_CONFIG).exists()
    write_whole(inside.note, json.dumps(encode(Kept(refs, memory, own_config, remove))))
    return inside


def settle(repository: Repository, tree: Path, run_dir: Path) -> dict[str, str]:
    """Take over what the run left inside; the refs that it moved, with where to, "" for a removed one. Nothing runs in it any more.

    Nothing to do for a run without a sandbox. Raises OctojobsError, and OSError; it can be done again then.
    """
    inside = Inside(run_dir / INSIDE)
    kept = _noted(inside)
    if kept is None:
        return {}
    refs = _loose(inside.refs)
    if tree.is_dir():
        folder = run_worktrees.git_dir(repository, tree)
        if not kept.own_config:  # a configuration that somebody in the sandbox wrote is not for our git
            with suppress(FileNotFoundError):
                (folder / _OWN_CONFIG).unlink()
        _drop_links(folder)
        _leave_branch(tree, folder, refs)
    if (result := read_result(inside.run)) is not None:
        write_whole(run_dir / RESULT_FILE, json.dumps(result, ensure_ascii=False))
    if kept.memory:
        _remember(inside.memory / os.path.basename(kept.memory), Path(kept.memory))
    run_worktrees.make_removable(inside.root)
    shutil.rmtree(inside.root)
    return {name: refs.get(name, "") for name in sorted({*refs, *kept.refs}) if refs.get(name) != kept.refs.get(name)}


def _noted(inside: Inside) -> Kept | None:
    """What was noted; None for a run without a sandbox, and for one that was killed before it was complete: nothing ran."""
    try:
        text = inside.note.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    try:
        kept: Kept = decode(Kept, json.loads(text))
    except (ValueError, NotDecodable) as error:
        raise OctojobsError(f"{inside.note} can't be read: {error}", "look into the worktree, and remove it") from None
    return kept


def _drop_links(folder: Path) -> None:
    """A log of HEAD that is a link, or lies behind one, would have our git write where that leads."""
    logs = folder / "logs"
    if logs.is_symlink():
        logs.unlink()
    elif (logs / "HEAD").is_symlink():
        (logs / "HEAD").unlink()


def _leave_branch(tree: Path, folder: Path, refs: Mapping[str, str]) -> None:
    """A branch that the worktree is on in the sandbox is not there outside: its commit becomes what HEAD is."""
    value = _head(folder / "HEAD")
    if not value.startswith("ref: "):
        return
    for _ in range(5):  # a symbolic ref may stand for another one
        if not value.startswith("ref: "):
            break
        value = refs.get(value.removeprefix("ref: ").strip(), "")
    if _ID.fullmatch(value):
        run_worktrees.detach(tree, value)


def _head(file: Path) -> str:
    """What HEAD says; git may have made it a link to a ref (`core.preferSymlinkRefs`). Raises OctojobsError for anything else.

    That goes at once: git reads each worktree's HEAD to list them, and would wait for a pipe or read a device for ever.
    """
    with suppress(OSError):
        if (link := os.readlink(file)).startswith("refs/"):
            return f"ref: {link}"
    text = _text(file)
    if not text:  # a pipe that nobody writes to is empty
        file.unlink(missing_ok=True)
        raise OctojobsError("its HEAD was no file that git had made", "its files are there; remove it when you have what you want")
    return text


def _remember(left: Path, memory: Path) -> None:
    """A function's state, if it is what its next run can read."""
    text = _text(left, 1 << 24)
    if text is None:
        return
    with suppress(ValueError, RecursionError):
        values: Any = json.loads(text)
        if isinstance(values, dict):
            write_whole(memory, text)


def _loose(root: Path) -> dict[str, str]:
    """The loose refs below a folder `refs`, by full name. Links, locks and what is no ref are left out."""
    found: dict[str, str] = {}
    for folder, _folders, files in os.walk(root):
        for file in files:
            path = Path(folder) / file
            text = None if file.endswith(".lock") else _text(path)
            if text is not None and len(found) < _MOST_REFS and (_ID.fullmatch(text) or text.startswith("ref: ")):
                found[f"refs/{path.relative_to(root)}"] = text
    return found


def _text(path: Path, longest: int = _LONGEST) -> str | None:
    """The text of a file that somebody in a sandbox may have made; None for what is no plain file, or longer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        try:
            data = file.read(longest + 1)
        except OSError:
            return None
    return os.fsdecode(data).strip() if len(data) <= longest else None
