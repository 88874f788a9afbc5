"""The user's own channels, for all repositories: what stands in `channels.yaml` beside `secrets.env` wins, and may hold secrets.

Nobody but the user can read it, so an address may stand there with its token; the repository's settings name the channel at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from octojobs.config.channels import own_channels
from octojobs.config.entries import Entry, Invalid
from octojobs.config.private import NotPrivate, config_folder, read_private
from octojobs.config.reader import read
from octojobs.config.schema import check
from octojobs.core.channel import Channel
from octojobs.errors import Problem
from octojobs.slotted import dataclass

_KEYS = ("version", "channels")


@dataclass(frozen=True, slots=True)
class Own:
    """The channels by name; none where `wrong` says why the file is not used, in words without anything of its addresses."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    wrong: str = ""


NONE = Own()


def own_file(environ: Mapping[str, str]) -> Path:
    """The user's file, there or not."""
    return config_folder(environ) / "channels.yaml"


def read_own(environ: Mapping[str, str]) -> Own:
    """What the file says now. Never raises: whoever asks has messages for other channels, too."""
    path = own_file(environ)
    try:
        data = read_private(path)
    except NotPrivate as error:
        return Own(wrong=str(error))
    if data is None:
        return NONE
    document = read(str(path), data)
    file = Entry(document, document.top, 0, "", "")
    if document.problems:
        return _unused(document.problems[0])
    if file.value is None:
        return NONE
    refused = check(file, "octojobs")
    if refused.problems:
        return _unused(refused.problems[0])
    if others := [key for key in file.value if key not in _KEYS and not key.startswith("x-")]:
        return _unused(file.at(others[0]).problem(""))
    try:
        return Own(own_channels(file.at("channels")) if "channels" in file.value else {})
    except Invalid as invalid:
        return _unused(invalid.problems[0])


def _unused(problem: Problem) -> Own:
    """Where it is wrong, and no more: what is said of a value quotes it, and it may be a token."""
    return Own(wrong=f"{problem.where} is wrong, and so the file is not used; only `channels:` stands there, as in octojobs.yaml")


class OwnChannels:
    """The file, followed: it is read when it has changed. For one thread."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._path = own_file(environ)
        self._stamp: tuple[int, ...] | None = None
        self._own = NONE

    def look(self) -> Own:
        """The channels now."""
        try:
            about = self._path.stat()
            stamp: tuple[int, ...] = (about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        except OSError:
            stamp = ()
        if stamp != self._stamp:
            self._stamp, self._own = stamp, read_own(self._environ)
        return self._own
