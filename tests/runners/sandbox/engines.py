"""A real docker or podman, where one works, and an image of nothing but folders for it: programs come by a mount, nothing is pulled."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from octojobs import process
from octojobs.core.sandbox import Backend, Mount, Sandbox
from octojobs.runners.sandbox.bubblewrap import Unusable
from octojobs.runners.sandbox.containers import require_engine
from tests.helpers import wait_until, write

FOLDERS = ("dev", "etc", "home", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var/tmp")
MARK = "etc/made-by-a-test"
"""A file that no machine has: who sees it is in the image."""


def rootfs(path: Path, scripts: Mapping[str, str] | None = None) -> Path:
    """An archive of empty folders, and this machine's links into /usr; docker lays its init into /sbin.

    With `scripts`, the text of each by its path, there is a shell, and nothing else.
    """
    texts = {MARK: "a test\n", "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", **(scripts or {})}
    shell = [real.lstrip("/") for real in _shell()] if scripts else []
    parents = {str(folder) for name in (*texts, *shell, *FOLDERS) for folder in Path(name).parents} - {".", *FOLDERS}
    with tarfile.open(path, "w") as archive:
        for name in sorted((*FOLDERS, *parents)):  # docker makes one that is not named for nobody to enter
            archive.addfile(_entry(name, tarfile.DIRTYPE, 0o1777 if name.endswith("tmp") else 0o755))
        for name in sorted(os.listdir("/")):
            if name not in FOLDERS and os.path.islink(f"/{name}") and os.readlink(f"/{name}").startswith("usr/"):
                link = _entry(name, tarfile.SYMTYPE, 0o777)
                link.linkname = os.readlink(f"/{name}")
                archive.addfile(link)
        for name, text in texts.items():
            file = _entry(name, tarfile.REGTYPE, 0o755 if text.startswith("#!") else 0o644)
            file.size = len(text)
            archive.addfile(file, BytesIO(text.encode()))
        archive.dereference = True
        for name in shell:
            archive.add(f"/{name}", name)
    return path


def _shell() -> Iterator[str]:
    """The files that `sh` consists of, with no link in their folders."""
    shell = shutil.which("sh") or "/bin/sh"
    linked = process.run(("ldd", shell), timeout_s=10.0).stdout.decode()
    for file in (shell, *re.findall(r"(/\S+) \(0x", linked)):
        yield os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, mode
    return entry


@dataclass(frozen=True)
class Engine:
    """One that works: the sandbox of its jobs, in which commands of this machine run, and the environment of its client."""

    sandbox: Sandbox
    environ: Mapping[str, str]
    folder: Path

    def told(self, *arguments: str) -> str:
        """What the client printed; a failing one fails the test."""
        done = process.run((self.sandbox.backend.value, *arguments), timeout_s=60.0, env=self.environ)
        assert done.ok, f"{' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode()

    def has(self, name: str) -> bool:
        """Whether there is a container of this name, in whatever state."""
        return name in self.told("ps", "--all", "--format", "{{.Names}}").split()


@pytest.fixture(scope="session", params=[Backend.DOCKER, Backend.PODMAN])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A real one; skips where no container can be run."""
    with TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as short:  # podman takes no longer path than 50 characters
        yield from _engine(request.param, Path(short))


def _engine(backend: Backend, folder: Path) -> Iterator[Engine]:
    archive, image = rootfs(folder / "rootfs.tar"), f"localhost/octojobs-test:{os.getpid()}"
    why: list[str] = []
    with closing(_docker(folder) if backend is Backend.DOCKER else _podmans(folder)) as environments:
        for environ in environments:
            try:
                require_engine(backend, environ)
            except Unusable as unusable:
                pytest.skip(str(unusable))
            made = Engine(Sandbox(backend, image, mounts=(Mount("/usr"),)), environ, folder)
            makes = (backend.value, "import", "--change", "ENV PATH=/usr/local/bin:/usr/bin", str(archive), image)
            tries = (backend.value, "run", "--rm", "--init", "--network=none", "--volume=/usr:/usr:ro", image, "true")
            try:
                done = next(
                    (done for done in (process.run(argv, timeout_s=60.0, env=environ) for argv in (makes, tries)) if not done.ok), None
                )
                if done is None:
                    yield made
                    return
                why.append(done.stderr.decode().strip())
            finally:
                process.run((backend.value, "rmi", "--force", image), timeout_s=60.0, env=environ)
    pytest.skip(f"{backend.value} can't run a container here: {'; '.join(why)}")


def _docker(folder: Path) -> Generator[Mapping[str, str], None, None]:
    """The environment of a client whose daemon answers: the machine's, or one of our own where there is none and root may start it."""
    program, daemon = shutil.which("docker"), shutil.which("dockerd")
    environ = dict(os.environ)
    if program is None or daemon is None or os.getuid() or process.run((program, "version"), timeout_s=10.0).ok:
        yield environ
        return
    places = [f"--{name}={folder}/{name}" for name in ("data-root", "exec-root", "pidfile")]
    address = f"unix://{folder}/socket"
    argv = [daemon, *places, f"--host={address}", "--storage-driver=vfs", "--iptables=false", "--bridge=none"]
    with (folder / "log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as serving:
        try:
            own = write(folder / "bin/docker", f'#!/bin/sh\nDOCKER_HOST={address} exec {program} "$@"\n')
            own.chmod(0o755)
            environ["PATH"] = f"{own.parent}:{environ['PATH']}"
            answers = ("docker", "version")
            wait_until(lambda: serving.poll() is not None or process.run(answers, timeout_s=10.0, env=environ).ok, what="dockerd")
            yield environ
        finally:
            serving.terminate()
            serving.wait(30)
            process.run(("umount", f"{folder}/exec-root/netns/default"), timeout_s=10.0)  # a daemon leaves it, and the folder could not go


def _podmans(folder: Path) -> Generator[Mapping[str, str], None, None]:
    """Environments of clients, one of which may work: podman's own choice of what runs a container does not fit every machine."""
    program = shutil.which("podman")
    if program is None:
        yield dict(os.environ)
        return
    owns: list[Path] = []
    try:
        for number, settings in enumerate(({}, {"runtime": "runc"}, {"runtime": "crun"})):
            if shutil.which(settings.get("runtime", program)):
                owns.append(own := _own_podman(folder / str(number), program, settings))
                yield {**os.environ, "PATH": f"{own}:{os.environ['PATH']}"}
    finally:
        for own in owns if os.getuid() else ():  # files of an image belong to ids that only its own namespace can do anything with
            process.run((str(own / "podman"), "unshare", "rm", "-rf", *map(str, own.parent.glob("*root"))), timeout_s=60.0)
            end_namespace(folder)


def end_namespace(folder: Path) -> None:
    """End the process that holds the user namespace of our podman's containers."""
    for file in folder.rglob("pause.pid"):
        with suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)


def _own_podman(folder: Path, client: str, settings: Mapping[str, str]) -> Path:
    """A folder with a `podman` that keeps images and containers there, apart from those of the machine.

    podman as root sets higher limits than a root with few capabilities may set.
    """
    limits = {"nofile": (resource.RLIMIT_NOFILE, 1024), "nproc": (resource.RLIMIT_NPROC, 4096)}
    few = {name: min(most, hard) if (hard := resource.getrlimit(number)[1]) >= 0 else most for name, (number, most) in limits.items()}
    ulimits = ", ".join(f'"{name}={most}:{most}"' for name, most in few.items())
    cgroups = "disabled" if settings.get("runtime") == "crun" else "enabled"
    engine = {"lock_type": "file", **settings}
    head = ("[containers]", f"default_ulimits = [{ulimits}]", f'cgroups = "{cgroups}"', "[engine]")
    file = write(folder / "containers.conf", "\n".join([*head, *(f'{name} = "{value}"' for name, value in engine.items())]))
    options = f"--root={folder}/root --runroot={folder}/runroot --tmpdir={folder}/tmp --storage-driver=vfs"
    (folder / "run").mkdir(mode=0o700)
    surroundings = f"CONTAINERS_CONF={file} XDG_RUNTIME_DIR={folder}/run"
    write(folder / "bin/podman", f'#!/bin/sh\n{surroundings} exec {client} {options} "$@"\n').chmod(0o755)
    return folder / "bin"
