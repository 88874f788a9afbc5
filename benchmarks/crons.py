"""Debian's cron and bcron: how fast they start what is due in one minute. The machine's own tables are neither read nor written.

Both are unpacked, and not installed. cron knows its folders by name: it gets a mount namespace in which they are empty, but for one
table; that needs root. bcron takes its folder from the environment, and drops no privileges as another user. Both write nothing down.
They do not know that anybody measures: a job leaves a file at its start, and one at its end.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from obtained import Unmeasurable, unpacked

TIMEOUT_S = 120.0
LEAST_S = 3.0
"""How long they are given to read their table before the minute."""
MINUTE_S = 60
PRIVATE = """\
set -eu
mount -t tmpfs none /var/spool
mkdir -p /var/spool/cron/crontabs
cp "$1" /var/spool/cron/crontabs/root
chmod 600 /var/spool/cron/crontabs/root
mount -t tmpfs none /run
if [ -d /etc/cron.d ]; then mount -t tmpfs none /etc/cron.d; fi
if [ -e /etc/crontab ]; then mount --bind /dev/null /etc/crontab; fi
cd /
exec "$2" -f
"""
"""For `sh -c`, in a namespace of its own: what is mounted here nobody else sees, and is gone with cron."""


@dataclass(frozen=True)
class Minute:
    """All that was due in one: milliseconds from the minute to each start, and seconds from the first start to the last end."""

    late_ms: list[float]
    seconds: float


def cron(runs: int, folder: Path) -> Minute:
    """Debian's cron, version 3.0."""
    if os.geteuid() != 0:
        raise Unmeasurable("needs root, for a namespace in which it finds no table but this one")
    if shutil.which("unshare") is None:
        raise Unmeasurable("there is no unshare")
    program = unpacked("cron") / "usr/sbin/cron"
    table = _table(runs, folder)
    return _minute(
        runs, folder, ["unshare", "--mount", "--propagation", "private", "sh", "-c", PRIVATE, "cron", str(table), str(program)], {}
    )


def bcron(runs: int, folder: Path) -> Minute:
    """Bruce Guenter's bcron, as `bcron-start` runs it."""
    place, user = unpacked("bcron", "libbg2"), pwd.getpwuid(os.geteuid()).pw_name
    spool = folder / "spool"
    for name in ("crontabs", "tmp"):
        (spool / name).mkdir(parents=True)
    os.mkfifo(spool / "trigger", 0o622)
    shutil.copy(_table(runs, folder), spool / "crontabs" / user)
    path = f"{place / 'usr/sbin'}:{os.environ.get('PATH', os.defpath)}"
    environ = {"BCRON_SPOOL": str(spool), "BCRON_USER": user, "PATH": path, "LD_LIBRARY_PATH": str(place / "usr/lib")}
    if os.geteuid() != 0:
        environ["TESTMODE"] = "1"  # a plain user can become nobody else
    return _minute(runs, folder, ["bcron-start"], environ)


CRONS: Mapping[str, Callable[[int, Path], Minute]] = {"cron": cron, "bcron": bcron}


def _table(runs: int, folder: Path) -> Path:
    (folder / "runs").mkdir()
    place = shlex.quote(str(folder / "runs")).replace("%", "\\%")  # cron reads a bare one as the end of a line
    line = "* * * * * : > {0}/{1}.start; /bin/true; : > {0}/{1}.end\n"
    table = folder / "crontab"
    table.write_text('MAILTO=""\n' + "".join(line.format(place, number) for number in range(runs)))
    table.chmod(0o600)
    return table


def _minute(runs: int, folder: Path, argv: list[str], environ: Mapping[str, str]) -> Minute:
    """Start it, let one minute come, and see what became of its jobs."""
    time.sleep((MINUTE_S - time.time() % MINUTE_S) % MINUTE_S if time.time() % MINUTE_S > MINUTE_S - LEAST_S else 0)
    due = (time.time() // MINUTE_S + 1) * MINUTE_S
    with _serving(folder, argv, environ) as process:
        while len(list((folder / "runs").glob("*.end"))) < runs:
            if process.poll() is not None:
                raise Unmeasurable(f"it ended with {process.returncode}: {_last_line(folder)}")
            if time.time() > due + min(TIMEOUT_S, MINUTE_S - LEAST_S):  # the next minute starts them all again
                raise Unmeasurable(f"{len(list((folder / 'runs').glob('*.end')))} of {runs} runs within the minute")
            time.sleep(0.2)
    starts, ends = ([path.stat().st_mtime for path in (folder / "runs").glob(kind)] for kind in ("*.start", "*.end"))
    return Minute([(start - due) * 1000 for start in starts], max(ends) - min(starts))


@contextmanager
def _serving(folder: Path, argv: list[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """It and what it starts, ended at the end."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, cwd=folder, env={**os.environ, **environ}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_line(folder: Path) -> str:
    return ((folder / "log").read_text(errors="replace").strip().splitlines() or ["no word why"])[-1]
