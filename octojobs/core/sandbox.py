"""Where a run is kept apart from the user's working tree, and from the machine."""

from __future__ import annotations

from enum import StrEnum

from octojobs.slotted import dataclass


class Backend(StrEnum):
    """What keeps a run apart from the user's working tree, and from the machine."""

    NONE = "none"
    WORKTREE = "worktree"
    BUBBLEWRAP = "bubblewrap"
    DOCKER = "docker"
    PODMAN = "podman"

    @property
    def is_container(self) -> bool:
        """Whether it needs an image."""
        return self in (Backend.DOCKER, Backend.PODMAN)


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the machine that a sandbox shows at `target` ("" is where it is), for reading unless `write` says otherwise.

    `source` is absolute, relative to the repository, or begins with `~/`, the home folder of whoever runs octojobs.
    """

    source: str
    target: str = ""
    write: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where a run is kept apart. `network` may name one of a container's; `image` is for containers alone."""

    backend: Backend = Backend.NONE
    image: str = ""
    network: bool | str = False
    mounts: tuple[Mount, ...] = ()


NOT_APART = Sandbox()
WORKTREE = Sandbox(Backend.WORKTREE)
