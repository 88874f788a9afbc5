"""`sandbox:` to where a run is kept apart."""

from __future__ import annotations

import os

from octojobs.config.entries import Entry, each
from octojobs.core.sandbox import Backend, Mount, Sandbox

_TAKES = {
    Backend.NONE: (),
    Backend.WORKTREE: (),
    Backend.BUBBLEWRAP: ("network", "mounts"),
    Backend.DOCKER: ("image", "network", "mounts"),
    Backend.PODMAN: ("image", "network", "mounts"),
}
_NOT_OVER = ("", "proc", "dev", "sys")
"""First parts of paths that the kernel serves, and the root itself."""


def sandbox(entry: Entry) -> Sandbox:
    """The backend, and what belongs to it."""
    given = entry.value
    backend = Backend(given["backend"])
    for key in ("image", "network", "mounts"):
        if key in given and key not in _TAKES[backend]:
            raise entry.at(key).invalid(f"a sandbox of {backend.value} has none", "remove it, or choose another backend")
    if backend.is_container and "image" not in given:
        raise entry.at("backend").invalid(f"{backend.value} needs an image", "add `image: name:tag`")
    network = given.get("network", False)
    if isinstance(network, str) and not backend.is_container:
        raise entry.at("network").invalid("only a container has networks by name", "write true or false")
    mounts = tuple(each(entry.at("mounts").items(), _mount)) if "mounts" in given else ()
    return Sandbox(backend, given.get("image", ""), network, mounts)


def _mount(entry: Entry) -> Mount:
    source, target = entry.value["source"], entry.value.get("target", "")
    if source.startswith("~") and source != "~" and not source.startswith("~/"):
        raise entry.at("source").invalid(f'"{source}" is the home folder of somebody else', "write the path out")
    if "target" in entry.value and (not target.startswith("/") or "/../" in f"{target}/"):
        raise entry.at("target").invalid(f'"{target}" is no absolute path', "write where it is to be seen, from / on")
    if os.path.normpath(target or "/x").lstrip("/").partition("/")[0] in _NOT_OVER:
        raise entry.at("target").invalid(f"nothing can be mounted at {target}", "write another place")
    return Mount(source, target, entry.value.get("write", False))
