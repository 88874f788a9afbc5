"""Guards: Kleene's three-valued logic, shown against arithmetic: failed < unknown < passed, any is max, all is min, not is 2 - x."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.guards import AnyOf, Condition, Guard, Not, Status, Verdict, conditions_in, evaluate, evaluate_all, overall

NAMES = "abc"
RANK = {Status.FAILED: 0, Status.UNKNOWN: 1, Status.PASSED: 2}

leaves: st.SearchStrategy[Guard] = st.sampled_from(NAMES).map(Condition)
trees: st.SearchStrategy[Guard] = st.recursive(
    leaves, lambda inner: inner.map(Not) | st.lists(inner, max_size=3).map(lambda guards: AnyOf(tuple(guards))), max_leaves=8
)
worlds = st.fixed_dictionaries({name: st.sampled_from(Status) for name in NAMES})

World = Mapping[str, Status]


def judge(world: World) -> Callable[[Condition], Verdict]:
    """What each condition comes to in this world, with its evidence."""
    return lambda condition: Verdict(world[condition.name], f"{condition.name} is {world[condition.name]}")


def truth(guard: Guard, world: World) -> int:
    """The same by arithmetic."""
    match guard:
        case Condition(name):
            return RANK[world[name]]
        case Not(inner):
            return 2 - truth(inner, world)
        case AnyOf(guards):
            return max((truth(inner, world) for inner in guards), default=0)


@given(trees, worlds)
def test_a_guard_is_what_the_arithmetic_says(guard: Guard, world: World) -> None:
    """For every tree and every world."""
    assert RANK[evaluate(guard, judge(world)).status] == truth(guard, world)


@given(st.lists(trees, max_size=4).map(tuple), worlds)
def test_all_guards_together_are_the_least_of_them(guards: tuple[Guard, ...], world: World) -> None:
    """One that fails decides; one that is unknown does so where none fails; none at all pass."""
    verdicts = evaluate_all(guards, judge(world))
    assert [RANK[verdict.status] for verdict in verdicts] == [truth(guard, world) for guard in guards]
    assert RANK[overall(verdicts).status] == min((truth(guard, world) for guard in guards), default=2)


@given(trees, worlds, worlds)
def test_knowing_more_never_turns_an_answer_into_another(guard: Guard, world: World, known: World) -> None:
    """Where a guard was decided in spite of what was unknown, learning that changes nothing: unknown is not a guess."""
    later = {name: known[name] if status is Status.UNKNOWN else status for name, status in world.items()}
    before, after = evaluate(guard, judge(world)).status, evaluate(guard, judge(later)).status
    assert before in (Status.UNKNOWN, after)


@given(trees, worlds)
def test_not_not_is_the_same_and_nothing_passes_with_its_contrary(guard: Guard, world: World) -> None:
    """Unknown is neither true nor false."""
    asked = judge(world)
    assert evaluate(Not(Not(guard)), asked).status is evaluate(guard, asked).status
    both = overall(evaluate_all((guard, Not(guard)), asked))
    assert both.status is not Status.PASSED


@given(trees, worlds)
def test_every_condition_of_a_guard_is_asked_and_named_for_its_facts(guard: Guard, world: World) -> None:
    """All are evaluated, so that `why` can show each; and no fact is gathered that nobody asks for."""
    asked: list[str] = []

    def noting(condition: Condition) -> Verdict:
        asked.append(condition.name)
        return judge(world)(condition)

    evaluate(guard, noting)
    assert asked == [condition.name for condition in conditions_in((guard,))]


def test_the_evidence_is_that_of_the_condition_that_decided() -> None:
    """In words that a person can check."""
    world = {"a": Status.FAILED, "b": Status.UNKNOWN, "c": Status.PASSED}
    a, b, c = (Condition(name) for name in NAMES)
    assert evaluate(AnyOf((a, b, c)), judge(world)) == Verdict(Status.PASSED, "c: c is passed", "any of a, b, c")
    assert evaluate(AnyOf((a, b)), judge(world)) == Verdict(Status.UNKNOWN, "b: b is unknown", "any of a, b")
    assert evaluate(AnyOf((a, Not(c))), judge(world)) == Verdict(Status.FAILED, "a: a is failed; not c: c is passed", "any of a, not c")
    assert overall(evaluate_all((b, c, a), judge(world))).evidence == "a is failed"
    assert overall(evaluate_all((c, Not(a)), judge(world))).evidence == "c: c is passed; not a: a is failed"
    assert overall(()).evidence == "no conditions"


def test_a_condition_is_shown_with_its_arguments() -> None:
    """As a person would write it."""
    assert str(Condition("between", {"from": "22:00", "to": "06:00"})) == "between(from: 22:00, to: 06:00)"
    assert str(Condition("on_branch", {"branches": ["main", "release/*"]})) == "on_branch(branches: main, release/*)"
    assert str(Condition("mine", {"strict": True, "most": 5})) == "mine(strict: true, most: 5)"
