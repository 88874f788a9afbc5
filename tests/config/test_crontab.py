"""Crontabs become jobs: each entry, or the reason why not, at its place."""

from __future__ import annotations

from typing import Any

import pytest

from octojobs.config.exchange.crontab import read_crontab
from octojobs.config.exchange.crontab_jobs import jobs_of
from octojobs.config.exchange.imported import Imported


def imported(text: str, *, system: bool = False, timezone: str = "UTC", taken: tuple[str, ...] = ()) -> Imported:
    """The jobs of a crontab of Ada's."""
    return jobs_of(read_crontab("crontab", text, system=system), timezone=timezone, user="ada", taken=taken)


def fields(text: str) -> dict[str, Any]:
    """The fields of the only job of a crontab that has no problems."""
    found = imported(text)
    assert found.problems == ()
    (job,) = found.jobs
    return dict(job.fields)


def told(text: str, *, system: bool = False) -> list[str]:
    """The messages about a crontab."""
    return [str(problem) for problem in imported(text, system=system).problems]


def test_an_entry_is_a_job_with_its_schedule_and_its_command() -> None:
    """Tabs and spaces part the fields, and everything behind the fifth is the command."""
    (job,) = imported("\n 0\t2 * *   1-5   make -C /srv nightly  > /dev/null # not a comment \n").jobs
    assert job.fields == {"schedule": "0 2 * * 1-5", "command": "make -C /srv nightly  > /dev/null # not a comment"}
    assert (job.name, job.line, job.column) == ("make", 2, 2)


def test_a_macro_stays_a_macro() -> None:
    """`@daily` and its kin mean the same here."""
    assert fields("@daily /usr/bin/tidy\n") == {"schedule": "@daily", "command": "/usr/bin/tidy"}


def test_the_comment_right_above_an_entry_describes_it() -> None:
    """Its last paragraph does; an empty line parts a comment from what follows."""
    assert fields("# Of the file.\n\n# Of the block.\n#\n# Saves the\n# database.\n@daily dump\n")["description"] == "Saves the database."
    assert "description" not in fields("# Of the file.\n\n@daily dump\n")


@pytest.mark.parametrize(
    "comment", ["# m h  dom mon dow   command", "# 0 5 * * 1 tar -zcf /var/backups/home.tgz /home/", "#@daily old", "#-----"]
)
def test_what_is_no_prose_describes_nothing(comment: str) -> None:
    """The legend of the columns, and entries that somebody switched off."""
    assert "description" not in fields(f"{comment}\n@daily dump\n")


def test_variables_hold_for_the_entries_below_them() -> None:
    """Quotes around name and value are cron's, spaces around = too; # belongs to the value."""
    found = imported("@daily first\nPATH = \"/opt/bin:/bin\"\n'COLOUR'=#fff\n@daily second\nCOLOUR=\n@daily third\n")
    assert [job.fields.get("env") for job in found.jobs] == [
        None,
        {"PATH": "/opt/bin:/bin", "COLOUR": "#fff"},
        {"PATH": "/opt/bin:/bin", "COLOUR": ""},
    ]


def test_an_assignment_in_a_command_is_no_variable() -> None:
    """Only a line that begins with a name and = sets one."""
    assert fields("@daily FOO=1 run\n")["command"] == "FOO=1 run"
    assert fields("0 0 * * * FOO=1 run\n")["command"] == "FOO=1 run"


def test_cron_tz_is_the_time_zone_of_the_entries_below_it() -> None:
    """Only where it is another than the file's."""
    found = imported("CRON_TZ=Europe/Berlin\n@daily first\nCRON_TZ=UTC\n@daily second\n")
    assert [job.fields.get("timezone") for job in found.jobs] == ["Europe/Berlin", None]


def test_an_unknown_zone_is_told_at_each_entry_that_it_spoils() -> None:
    """None of them is imported in another zone."""
    assert told("CRON_TZ=Europe/Berln\n@daily first\n") == [
        'crontab:2:1: there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?',
    ]


@pytest.mark.parametrize(
    ("shell", "meant"),
    [
        ("/bin/sh", {"command": "run"}),
        ("/bin/dash", {"command": "run"}),
        ("/bin/bash", {"command": "run", "shell": "bash"}),
        ("/usr/bin/zsh", {"command": ["/usr/bin/zsh", "-c", "run"]}),
    ],
)
def test_the_shell_is_kept(shell: str, meant: dict[str, Any]) -> None:
    """Sh is ours too, bash has a field, and any other is called by name."""
    (job,) = imported(f"SHELL={shell}\n@daily run\n").jobs
    assert job.fields == {"schedule": "@daily", **meant}


def test_bash_is_stricter_here_and_that_is_told() -> None:
    """Cron's bash goes on after a failure."""
    assert told("SHELL=/bin/bash\n") == [
        (
            "crontab:1:1: warning: SHELL=bash becomes `shell: bash`, which is `bash -eo pipefail -c`; "
            "see that no command counts on going on after a failure"
        )
    ]


def test_home_is_the_folder_that_cron_starts_in() -> None:
    """So it becomes `cwd`, too."""
    assert fields("HOME=/srv\n@daily run\n") == {"schedule": "@daily", "command": "run", "cwd": "/srv", "env": {"HOME": "/srv"}}


def test_a_random_delay_becomes_jitter() -> None:
    """Cronie's RANDOM_DELAY is in minutes."""
    assert fields("RANDOM_DELAY=45\n@daily run\n")["jitter"] == "45m"
    assert told("RANDOM_DELAY=a lot\n@daily run\n") == [
        'crontab:2:1: RANDOM_DELAY is "a lot", no number of minutes; write minutes there, or remove it'
    ]


def test_what_only_cron_does_is_left_out_with_the_remedy() -> None:
    """Mail is the one that people would miss."""
    assert told('MAILTO=ops@example.org\nMAILTO=""\nLOGNAME=eve\nMAILFROM=cron\n1FOO-BAR=1\n') == [
        (
            "crontab:1:1: warning: MAILTO=ops@example.org is left out: octojobs sends no mail; "
            "give the jobs whose failure must reach somebody `on_failure: {command: …}`"
        ),
        "crontab:3:1: warning: LOGNAME is left out: it means nothing here; jobs run as the user who runs octojobs",
        "crontab:4:1: warning: MAILFROM is left out: it means nothing here",
        'crontab:5:1: "1FOO-BAR" is not the name of a variable; use letters, digits and _',
    ]


def test_percent_signs_are_what_cron_makes_of_them() -> None:
    """The first begins what the command reads; one behind a backslash is itself."""
    assert fields("@daily date +\\%F > /tmp/day\n")["command"] == "date +%F > /tmp/day"
    assert fields("@daily mail -s hi ada%Hello,%good bye\n")["command"] == "{ mail -s hi ada\n} <<'END'\nHello,\ngood bye\nEND\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "@reboot start",
            "crontab:1:1: @reboot is not supported; octojobs starts no job because the machine did: use interval, or a systemd unit",
        ),
        ("  0 61 * * * run", "crontab:1:5: hour 61 is outside 0-23; use 0-23, */n or a list"),
        ("0~30 * * * * run", "crontab:1:2: ~ lets chance choose the time; name a time, and add `jitter:` to spread jobs"),
        ("0 0 30 2 * run", 'crontab:1:5: "0 0 30 2 *" never fires; name a date that comes round within 40 years'),
        ("@daily %text", "crontab:1:8: the command is empty: % begins what it would read; write \\% for a percent sign"),
        (
            "* * * run",
            (
                "crontab:1:1: this is no variable, and as an entry it is too short: 4 words, not a schedule of five fields (or @daily …) "
                "and a command; complete the line, or put # before it"
            ),
        ),
        (
            "@daily",
            (
                "crontab:1:1: this is no variable, and as an entry it is too short: 1 words, not a schedule of five fields (or @daily …) "
                "and a command; complete the line, or put # before it"
            ),
        ),
    ],
)
def test_an_entry_that_can_not_be_imported_is_told_with_its_place_and_the_reason(line: str, message: str) -> None:
    """And the entries around it are imported."""
    found = imported(f"{line}\n@daily other\n")
    assert [str(problem) for problem in found.problems] == [message]
    assert [job.name for job in found.jobs] == ["other"]


def test_an_input_is_refused_for_a_shell_that_can_not_group_commands() -> None:
    """The remedy is a script."""
    assert told("SHELL=/usr/bin/fish\n@daily cat%text\n") == [
        "crontab:2:8: % gives fish an input that can't be written in its language; let a script read it"
    ]


def test_a_system_crontab_has_a_user_before_each_command() -> None:
    """Who is not the one that runs octojobs is told; the entry is imported."""
    found = imported("17 * * * * root cd / && run-parts --report /etc/cron.hourly\n@daily ada tidy\n", system=True)
    assert [job.fields["command"] for job in found.jobs] == ["cd / && run-parts --report /etc/cron.hourly", "tidy"]
    assert [str(problem) for problem in found.problems] == [
        "crontab:1:17: warning: cron runs this as root, octojobs as ada; run it by `sudo -n -u root`, or by an octojobs of that user"
    ]
    assert told("@daily ada\n", system=True) == [
        (
            "crontab:1:1: this is no variable, and as an entry it is too short: 2 words, not a schedule, a user and a command; "
            "complete the line, or put # before it"
        )
    ]


def test_a_minus_before_an_entry_only_keeps_it_out_of_the_log() -> None:
    """Cronie's root may write it; the entry is like any other."""
    assert fields("-0 2 * * * run\n") == {"schedule": "0 2 * * *", "command": "run"}


def test_names_are_the_programs_and_each_is_there_once() -> None:
    """Also beside the names that the repository has; upper and lower case are the same."""
    found = imported("@daily /usr/bin/Backup.sh\n@daily backup\n@hourly backup --all\n", taken=("backup",))
    assert [job.name for job in found.jobs] == ["Backup-2", "backup-3", "backup-4"]


def test_a_file_from_windows_is_read_like_any_other() -> None:
    """Line ends of two characters are no part of a command."""
    assert fields("A=1\r\n@daily run\r\n") == {"schedule": "@daily", "command": "run", "env": {"A": "1"}}
