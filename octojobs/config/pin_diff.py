"""What a person reads of pinned scripts before approving them: their ids, who names them, and how their contents changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from octojobs.config.pins import Pins, content_on_disk, unpinned
from octojobs.config.proposal import difference
from octojobs.config.source import WORKTREE
from octojobs.core.definitions import Definitions
from octojobs.core.named_files import named_files, spelled_by
from octojobs.errors import GitFailed
from octojobs.repository import Repository

MOST_BYTES = 64 * 1024
"""Nobody reads a longer script in a diff: its ids are shown."""


def pins_shown(definitions: Definitions, pins: Pins, repository: Repository) -> tuple[str, ...]:
    """A line for each pin, `scripts/nightly.sh 3f2c1ab (nightly)`, and for each file that jobs name and that is not pinned."""
    root = str(repository.main_worktree)
    reasons = unpinned(definitions, pins, repository.main_worktree)
    by: dict[str, list[str]] = {}
    for name, job in definitions.jobs.items():
        for path in named_files(job, {*pins.files, *reasons}, definitions.settings, root, definitions.agents):
            by.setdefault(path, []).append(name)
    for channel in definitions.settings.channels.values():
        for path in sorted({*spelled_by(channel.command, root)} & {*pins.files, *reasons}):
            by.setdefault(path, []).append(f"channel {channel.name}")
    lines = [f"pins: {path} {oid[:7]} ({', '.join(by[path])})" for path, oid in pins.files.items()]
    return (*lines, *(f"not pinned: {path}: {reason} ({', '.join(by[path])})" for path, reason in reasons.items()))


def pins_difference(repository: Repository, before: Mapping[str, str], after: Mapping[str, str], source: str) -> str:
    """The unified diff of the scripts that changed, as `difference` has it; of binary and long ones, and of what git lost, only the ids."""
    parts = []
    for path in sorted(path for path in {*before, *after} if before.get(path) != after.get(path)):
        old, new = before.get(path), after.get(path)
        was = _text(repository, old) if old else b""
        now = _text(repository, new, path if source == WORKTREE else "") if new else b""
        if was is None or now is None:
            parts.append("".join(_ids(path, old, new)))
        else:
            parts.append(difference({path: (old, was)} if old else {}, {path: (new, now)} if new else {}))
    return "".join(parts)


def _text(repository: Repository, oid: str, saved: str = "") -> bytes | None:
    """The content, None for one that is not shown; `saved` is the path of a file of the working tree, which git need not have."""
    content: bytes | str | None
    if saved:
        content = content_on_disk(repository.main_worktree, saved)
    else:
        try:
            content = repository.blobs([oid])[oid] if repository.sizes([oid])[oid] <= MOST_BYTES else None
        except GitFailed:  # gone with its commit
            return None
    return content if isinstance(content, bytes) and len(content) <= MOST_BYTES and b"\0" not in content else None


def _ids(path: str, old: str | None, new: str | None) -> Iterator[str]:
    yield f"--- a/{path}\n" if old else "--- /dev/null\n"
    yield f"+++ b/{path}\n" if new else "+++ /dev/null\n"
    yield f"  not shown (binary, over {MOST_BYTES // 1024} KB, or not here any more): {(old or 'none')[:7]}, now {(new or 'none')[:7]}\n"
