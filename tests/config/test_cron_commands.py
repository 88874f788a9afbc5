"""What a crontab's command means: its input, tried with a real shell, and the name of its job."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.config.exchange.cron_commands import name_of, unescape, with_input
from octojobs.core.identity import JobId


@pytest.mark.parametrize(
    ("written", "command", "text"),
    [
        ("cat", "cat", None),
        ("cat%", "cat", "\n"),
        ("cat%one", "cat", "one\n"),
        ("cat%one%two%", "cat", "one\ntwo\n"),
        (r"date +\%F\%T", "date +%F%T", None),
        (r"cat%100\%", "cat", "100%\n"),
        (r"cat \\%one", r"cat \\", "one\n"),
        ("cat  %one", "cat", "one\n"),
    ],
)
def test_percent_signs_part_the_command_from_its_input(written: str, command: str, text: str | None) -> None:
    """As crontab(5) and the source of Vixie cron have it: the input always ends its last line."""
    assert unescape(written) == (command, text)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("command", "text", "printed"),
    [
        ("cat", "$HOME `id` \\n 'x'\n", "$HOME `id` \\n 'x'\n"),
        ("read first; cat; echo $first", "one\ntwo\n", "two\none\n"),
        ("cat # to the end", "END\nEND_\n", "END\nEND_\n"),
        ("cat | tr a-z A-Z", "abc\n", "ABC\n"),
    ],
)
def test_the_whole_command_reads_the_text_as_it_is(shell: str, command: str, text: str, printed: str) -> None:
    """Nothing in the text is expanded, not even the word that ends it."""
    done = subprocess.run([shell, "-c", with_input(command, text)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == (printed, 0)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh /data", "backup"),
        ("make nightly", "make-nightly"),
        ("cd /srv/app && ./manage.py clearsessions", "manage-clearsessions"),
        ("/usr/bin/python3 -u tools/report.py --all", "report"),
        ("python3 -m http.server", "http.server"),
        ("bash -c 'exit 1'", "bash"),
        ("test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )", "run-parts"),
        ("[ -f /run/x ] && FOO=1 /opt/x/tidy 2>&1", "tidy"),
        ("sudo -n -u postgres nice -n 19 pg_dump app > /srv/dump", "pg_dump-app"),
        ("flock -n /tmp/lock timeout 5m ./sync.sh", "sync"),
        ("7z a /srv/x.7z /data", "job-7z-a"),
        ("(2>&1)", "job"),
        ("/opt/bücher/lesen", "lesen"),
        ("überweisen", "berweisen"),
        ("'/opt/a b/c'", "a"),
    ],
)
def test_a_job_is_called_as_the_program_that_its_command_is_about(command: str, name: str) -> None:
    """Not as what only prepares, wraps or interprets it."""
    assert name_of(command) == name


@given(st.text())
def test_whatever_the_command_its_job_has_a_name(command: str) -> None:
    """One that a job may have."""
    assert JobId(name_of(command))
