"""The definition files of a source as they are now, with their contents, and nothing read twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from octojobs.config.files import SETTINGS_FILE, checked_jobs_file
from octojobs.config.loader import Loaded, Loader
from octojobs.config.settings import read_settings
from octojobs.config.source import INDEX, WORKTREE, Source
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import InvalidDefinitions

Files = Mapping[str, tuple[str, bytes]]
"""Path to blob id and content, sorted by path."""


class Contents:
    """What a source holds, look by look: only blobs that the last look did not have are read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._files: Files = {}

    def look(self) -> Files:
        """The files now. Raises what `Source.listing` raises; the last look's files are kept then."""
        listing = self.source.listing()
        if self.source.follows_settings and self._follow_settings(listing):
            listing = self.source.listing()
        self._files = self._read(listing)
        return self._files

    def _read(self, listing: Mapping[str, str]) -> Files:
        known = dict(self._files.values())
        fresh = self.source.read([path for path, oid in listing.items() if oid not in known])
        return {path: (oid, fresh[path] if path in fresh else known[oid]) for path, oid in listing.items()}

    def _follow_settings(self, listing: Mapping[str, str]) -> bool:
        """Let `jobs_file:` of the settings say where the jobs are; whether that is another file than before.

        Settings that can't be read leave it as it is: the loader, which reads them again, reports why.
        """
        wanted = JOBS_FILE
        if SETTINGS_FILE in listing:
            settings = read_settings(SETTINGS_FILE, self._read({SETTINGS_FILE: listing[SETTINGS_FILE]})[SETTINGS_FILE][1])
            wanted = self.source.jobs_file if settings.problems else checked_jobs_file(settings.settings.jobs_file)
        before, self.source.jobs_file = self.source.jobs_file, wanted
        return wanted != before


def load(source: Source, loader: Loader, now: datetime | None = None) -> Loaded:
    """What the source declares: for everybody who asks once; `now` as for `Loader.load`. Files that can't be had are problems, too.

    Raises OctojobsError when the source can't be asked at all (no commit yet, no such ref, git fails).
    """
    try:
        files = Contents(source).look()
    except InvalidDefinitions as refused:
        return Loaded(None, refused.problems)
    loaded = loader.load(files, source=source.name, jobs_file=source.jobs_file, now=now)
    loader.remember()
    return loaded


def named(source: str) -> str:
    """A source's name in a sentence.

    >>> named("worktree"), named("3f2c1ab0000000000000000000000000000000000")
    ('the working tree', 'commit 3f2c1ab')
    """
    return {WORKTREE: "the working tree", INDEX: "what is staged"}.get(source) or f"commit {source[:7]}"
