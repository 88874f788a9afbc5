"""`expect` is checked with the job: a schema that is none, and what could never be told, are refused."""

from __future__ import annotations

import pytest

from octojobs.config.schema import properties
from octojobs.core.codec import decode
from octojobs.core.expect import Expect
from octojobs.core.job import AgentAction
from tests.config.loading import jobs_of, problems


def expected(text: str) -> Expect:
    """What a job with these expectations expects."""
    action = jobs_of(f"jobs: {{a: {{manual: true, prompt: x, expect: {text}}}}}")["a"].action
    assert isinstance(action, AgentAction)
    made: Expect = decode(Expect, action.expect)
    return made


def refused(fields: str) -> list[str]:
    """What is wrong with an agent job of these fields."""
    return problems(f"jobs:\n  a: {{manual: true, prompt: x, {fields}}}\n")


def test_each_expectation_is_what_the_job_says() -> None:
    """`true` stands for any file, and for one commit."""
    text = "{files_changed: true, commits: true, pr: true, json_schema: {type: object}, command: [make, 1.10]}"
    assert expected(text) == Expect(("**",), 1, True, {"type": "object"}, ("make", "1.10"))
    assert expected("{files_changed: [docs, '!docs/x'], commits: 3}") == Expect(("docs", "!docs/x"), 3)
    assert set(properties("jobs", "job")["expect"]["properties"]) == set(Expect.__slots__)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            "expect: {}",
            '2:40: job "a": expect: is empty; name one of files_changed, commits, pr, json_schema or command, or remove the field',
        ),
        ("expect: {pr: false}", '2:45: job "a": expect.pr: false expects nothing; remove it'),
        ("expect: {comits: 1}", '2:41: job "a": expect: unknown field "comits"; did you mean "commits"?'),
        (
            "expect: {json_schema: {type: objekt}}",
            ("2:61: job \"a\": expect.json_schema.type: is no JSON Schema: type: 'objekt' is not valid under any of the given schemas; "
            "see https://json-schema.org/understanding-json-schema"),
        ),
        (
            "expect: {json_schema: {properties: {n: {pattern: '('}}}}",
            ("2:81: job \"a\": expect.json_schema.properties.n.pattern: is no JSON Schema: properties.n.pattern: '(' is not a 'regex'; "
            "see https://json-schema.org/understanding-json-schema"),
        ),
        (
            "expect: {json_schema: {$ref: 'http://127.0.0.1:1/x'}}",
            ('2:54: job "a": expect.json_schema: its $ref "http://127.0.0.1:1/x" is not in it; '
            "write one such as #/definitions/NAME; nothing is fetched"),
        ),
        (
            "expect: {json_schema: {$schema: 'https://json-schema.org/draft/2020-12/schema', $dynamicRef: 'http://127.0.0.1:1/x'}}",
            ('2:54: job "a": expect.json_schema: its $dynamicRef "http://127.0.0.1:1/x" is not in it; '
            "write one such as #/definitions/NAME; nothing is fetched"),
        ),
        (
            "expect: {json_schema: {$schema: 'http://x'}}",
            ('2:64: job "a": expect.json_schema.$schema: is no draft of JSON Schema that is known; '
            "write http://json-schema.org/draft-07/schema#, or remove it"),
        ),
        (
            "sandbox: {backend: none}, expect: {commits: 1}",
            ('2:76: job "a": expect.commits: needs a worktree of the run\'s own: in a shared one nobody can tell who has changed what; '
            "remove it, or `sandbox: {backend: none}`"),
        ),
    ],
)  # fmt: skip
def test_what_could_never_be_met_is_refused_where_it_stands(fields: str, problem: str) -> None:
    """At the place, with what to do."""
    assert refused(fields) == [problem]


def test_a_reference_within_the_schema_is_one() -> None:
    """By its pointer; one to nowhere is refused."""
    schema = "{definitions: {a/b: {type: object}}, items: [{$ref: '#/definitions/a~1b'}, {$ref: '#/items/0'}, {$ref: '#'}]}"
    assert refused(f"expect: {{json_schema: {schema}}}") == []
    (problem,) = refused(f"expect: {{json_schema: {schema.replace('a~1b', 'c')}}}")
    assert '"#/definitions/c" is not in it' in problem


def test_a_shared_folder_does_for_an_answer_and_a_command() -> None:
    """They tell nothing of who has changed what."""
    assert refused("sandbox: {backend: none}, expect: {json_schema: {}, command: [make]}") == []


def test_only_an_agent_is_expected_to_leave_something() -> None:
    """A command has its exit code."""
    text = "jobs:\n  a: {manual: true, command: make, expect: {commits: 1}}\n"
    assert problems(text) == ['2:36: job "a": expect belongs to jobs with `prompt:`; remove it']
