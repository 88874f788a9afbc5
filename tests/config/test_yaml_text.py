"""Files that importers write say, read again, what they were to say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from octojobs.config.exchange.yaml_text import field_text, jobs_text
from octojobs.config.reader import read

SAFE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\x85\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff"),
    max_size=40,
)
VALUES = st.one_of(
    SAFE,
    st.sampled_from(
        [
            "1e3",
            "017",
            "true",
            "~",
            "",
            "on",
            "1.10",
            "*/5 * * * *",
            "@daily",
            "- x",
            "a: b",
            "# c",
            " x",
            "x\n",
            "\nx",
            "a\n\n b\n",
            "\n",
            "a\n\n",
        ]
    ),
    st.lists(SAFE, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["PATH", "A", "no"]), SAFE, min_size=1),
    st.integers(min_value=0, max_value=10**6),
    st.booleans(),
)


@given(VALUES)
def test_a_field_is_read_as_it_was_written(value: object) -> None:
    """Whatever it holds: quotes and blocks are chosen by what the reader makes of them."""
    document = read("x.yaml", ("jobs:\n  it:\n" + field_text("field", value, 4)).encode())
    assert document.problems == []
    assert document.top[0] == {"jobs": {"it": {"field": value}}}


def test_a_file_of_jobs_has_its_remarks_its_zone_and_a_field_a_line() -> None:
    """So that a person goes on editing it."""
    one: dict[str, object] = {"schedule": "0 2 * * *", "command": "a\nb\n"}
    two: dict[str, object] = {"command": ["zsh", "-c", "x y"]}
    jobs = [("crontab:1", "one", one), ("crontab:2", "two", two)]
    assert jobs_text(["From there.", ""], "UTC", jobs) == (
        "# From there.\n#\n\nversion: 1\ntimezone: UTC\njobs:\n"
        "  # crontab:1\n  one:\n    schedule: 0 2 * * *\n    command: |\n      a\n      b\n"
        "\n  # crontab:2\n  two:\n    command: [zsh, -c, x y]\n"
    )
