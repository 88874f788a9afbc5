"""Problems as people and machines read them."""

from __future__ import annotations

import json

import pytest

from octojobs import __version__
from octojobs.config.diagnostics import Format, Report, render, visible
from octojobs.errors import Problem, Severity

JOBS = b'jobs:\n  nightly:\n    schedule: "61 2 * * *"\n    command: make\n'
MINUTE = Problem("jobs.yaml", 3, 16, 'job "nightly": schedule: minute 61 is outside 0-59', "use 0-59, */n or a list")
PAST = Problem("jobs.yaml", 9, 3, 'job "once": schedule: it is past', "remove the job", Severity.WARNING)
WHOLE = Problem("a, b: 100%.yaml", 0, 0, "the file is empty", "write `jobs: {}` for no jobs")
CONTENTS = {"jobs.yaml": JOBS}


def test_a_problem_is_one_line_in_a_pipe() -> None:
    """As compilers write them; no colour, no caret, nothing else."""
    assert render(Report((MINUTE, WHOLE), contents=CONTENTS), Format.TEXT) == (
        'jobs.yaml:3:16: job "nightly": schedule: minute 61 is outside 0-59; use 0-59, */n or a list\n'
        "a, b: 100%.yaml: the file is empty; write `jobs: {}` for no jobs"
    )


def test_a_terminal_shows_the_source_line_with_a_caret() -> None:
    """And how many errors there are, last."""
    assert render(Report((MINUTE, WHOLE), contents=CONTENTS), Format.TEXT, terminal=True) == (
        'jobs.yaml:3:16: job "nightly": schedule: minute 61 is outside 0-59; use 0-59, */n or a list\n'
        '3 |     schedule: "61 2 * * *"\n'
        "  |                ^\n"
        "a, b: 100%.yaml: the file is empty; write `jobs: {}` for no jobs\n"
        "2 errors"
    )


def test_colours_are_put_on_where_they_are_wanted() -> None:
    """Red for errors, yellow for warnings; without the codes the text is the same."""
    report = Report((MINUTE, PAST), contents=CONTENTS)
    coloured = render(report, Format.TEXT, terminal=True, colour=True)
    assert coloured.splitlines()[0].endswith("\x1b[1;31m" + MINUTE.message + "\x1b[0m")
    assert "\x1b[1;33m" + PAST.message in coloured
    plain = coloured
    for code in ("\x1b[1;31m", "\x1b[1;33m", "\x1b[0m", "\x1b[2m"):
        plain = plain.replace(code, "")
    assert plain == render(report, Format.TEXT, terminal=True)


@pytest.mark.parametrize(
    ("jobs", "files", "text"), [(1, 1, "ok: 1 job in 1 file"), (10_000, 20, "ok: 10,000 jobs in 20 files"), (0, 1, "ok: 0 jobs in 1 file")]
)
def test_what_is_valid_is_said_in_one_line(jobs: int, files: int, text: str) -> None:
    """With what was checked."""
    assert render(Report((), jobs, files), Format.TEXT) == text


def test_warnings_let_pass() -> None:
    """They are shown, and marked as what they are."""
    report = Report((PAST,), 3, 1)
    assert report.valid
    assert render(report, Format.TEXT) == 'jobs.yaml:9:3: warning: job "once": schedule: it is past; remove the job\nok: 3 jobs in 1 file'


@pytest.mark.parametrize(
    ("line", "column", "shown", "caret"),
    [
        ("\ttab: here", 6, "1 |  tab: here", "  |      ^"),
        ("日本: here", 5, "1 | 日本: here", "  |       ^"),
        ("bell: \x07x", 8, "1 | bell: \\x07x", "  |           ^"),
        ("x" * 100 + "^here" + "y" * 100, 101, "1 | " + "x" * 60 + "^here" + "y" * 55, "  | " + " " * 60 + "^"),
        ("end", 4, "1 | end", "  |    ^"),
    ],
    ids=["tabs", "wide characters", "control characters", "a long line", "the end of a line"],
)
def test_the_caret_stands_below_its_place(line: str, column: int, shown: str, caret: str) -> None:
    """Whatever stands before it."""
    report = Report((Problem("f", 1, column, "wrong"),), contents={"f": line.encode()})
    assert render(report, Format.TEXT, terminal=True).splitlines()[1:3] == [shown, caret]


def test_a_place_beyond_the_file_shows_an_empty_line() -> None:
    """Parsers tell of what is missing after the last line."""
    report = Report((Problem("f", 3, 1, "wrong"),), contents={"f": b"a: [\n"})
    assert render(report, Format.TEXT, terminal=True).splitlines()[1:3] == ["3 | ", "  | ^"]


def test_what_a_file_holds_cannot_write_to_the_terminal() -> None:
    """Escapes, line ends and direction marks in messages are made visible."""
    report = Report((Problem("f", 1, 1, 'job "\x1b[2Ja\nb\u202e"', "fix"),))
    assert render(report, Format.TEXT) == 'f:1:1: job "\\x1b[2Ja\\nb\\u202e"; fix'
    assert visible("plain ü") == "plain ü"


def test_json_has_every_part_by_name() -> None:
    """Line 0 means the whole file."""
    assert json.loads(render(Report((MINUTE, WHOLE), 0, 2), Format.JSON)) == {
        "valid": False,
        "jobs": 0,
        "files": 2,
        "problems": [
            {
                "path": "jobs.yaml",
                "line": 3,
                "column": 16,
                "severity": "error",
                "what": 'job "nightly": schedule: minute 61 is outside 0-59',
                "fix": "use 0-59, */n or a list",
            },
            {
                "path": "a, b: 100%.yaml",
                "line": 0,
                "column": 0,
                "severity": "error",
                "what": "the file is empty",
                "fix": "write `jobs: {}` for no jobs",
            },
        ],
    }


def test_github_gets_workflow_commands() -> None:
    """One for each problem, what has a meaning there escaped."""
    assert render(Report((MINUTE, PAST, WHOLE)), Format.GITHUB).splitlines() == [
        "::error file=jobs.yaml,line=3,col=16,title=octojobs::" + MINUTE.message,
        "::warning file=jobs.yaml,line=9,col=3,title=octojobs::" + PAST.message,
        "::error file=a%2C b%3A 100%25.yaml,title=octojobs::the file is empty; write `jobs: {}` for no jobs",
    ]


def test_sarif_names_rule_place_and_message() -> None:
    """A log of version 2.1.0; a problem of a whole file has no region."""
    log = json.loads(render(Report((MINUTE, WHOLE)), Format.SARIF))
    (run,) = log["runs"]
    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    assert (run["tool"]["driver"]["name"], run["tool"]["driver"]["version"]) == ("octojobs", __version__)
    assert {result["ruleId"] for result in run["results"]} == {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["results"][0] == {
        "ruleId": "definitions",
        "level": "error",
        "message": {"text": MINUTE.message},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "jobs.yaml"}, "region": {"startLine": 3, "startColumn": 16}}}],
    }
    assert run["results"][1]["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "a%2C%20b%3A%20100%25.yaml"}}}]


@pytest.mark.parametrize("style", list(Format))
def test_every_format_can_say_that_nothing_is_wrong(style: Format) -> None:
    """Without failing, and machines get a document all the same."""
    text = render(Report((), 1, 1), style)
    assert text == "" if style is Format.GITHUB else text
