"""What octojobs.slotted makes is what the standard decorator makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, astuple, field, fields, replace
from typing import Any, ClassVar, Generic, TypeVar, get_type_hints

import pytest

from octojobs import slotted

T = TypeVar("T")


def pairs(decorate: Callable[[type], type]) -> tuple[type, type]:
    """Two classes with the same fields."""

    @decorate
    class Pair:
        """Two, of which one counts."""

        one: Any
        other: Any = field(compare=False)

    @decorate
    class Twin(Pair):
        """As its base."""

    return Pair, Twin


def own(decorate: Callable[[type], type]) -> type:
    """A class that has some of the methods itself."""

    @decorate
    class Own:  # noqa: PLW1641 -- the decorator gives it one
        """With words of its own."""

        one: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

    return Own


def both(*, frozen: bool = True, eq: bool = True) -> list[Any]:
    """The two decorators, to be given the same class."""
    return [pytest.param(made(frozen=frozen, slots=True, eq=eq), id=made.__module__) for made in (dataclasses.dataclass, slotted.dataclass)]


def story(decorate: Callable[[type], type]) -> type:
    """A class with fields of every kind, on top of another one."""

    @decorate
    class Base:
        """A base."""

        first: int
        second: str = "2"

    @decorate
    class Story(Base, Generic[T]):
        """All that a field can be."""

        KINDS: ClassVar[tuple[str, ...]] = ("a", "b")
        words: list[str] = field(default_factory=list)
        hidden: str = field(default="x", repr=False)
        cache: dict[str, int] = field(init=False, compare=False, default_factory=dict)
        length: int = field(init=False, compare=False)
        given: int = field(init=False, default=7)
        last: str = field(kw_only=True)

        def __post_init__(self) -> None:
            object.__setattr__(self, "length", len(self.words))

        def __len__(self) -> int:
            return self.length

    return Story


@pytest.mark.parametrize("decorate", both())
def test_a_value_has_what_it_was_given_and_its_defaults(decorate: Callable[[type], type]) -> None:
    """By position, by keyword, by default and by `__post_init__`."""
    made = story(decorate)(1, "zwei", ["a"], last="z")
    assert astuple(made) == (1, "zwei", ["a"], "x", {}, 1, 7, "z")
    assert repr(made) == "story.<locals>.Story(first=1, second='zwei', words=['a'], cache={}, length=1, given=7, last='z')"
    assert (len(made), made.KINDS, type(made).__doc__) == (1, ("a", "b"), "All that a field can be.")
    assert type(made)(1, last="z").words is not type(made)(1, last="z").words


@pytest.mark.parametrize("decorate", both())
def test_the_signature_is_that_of_the_fields(decorate: Callable[[type], type]) -> None:
    """For help, editors, and who asks before there is any value."""
    signature = inspect.signature(story(decorate))
    assert list(signature.parameters) == ["first", "second", "words", "hidden", "last"]
    assert signature.parameters["last"].kind is inspect.Parameter.KEYWORD_ONLY
    assert signature.parameters["second"].default == "2"
    assert signature.parameters["first"].annotation == "int"
    assert signature.return_annotation is None


@pytest.mark.parametrize(
    ("arguments", "named", "told"),
    [
        ((), {"last": ""}, r"Story\.__init__\(\) missing 1 required positional argument: 'first'"),
        ((1,), {}, r"Story\.__init__\(\) missing 1 required keyword-only argument: 'last'"),
        ((1,), {"last": "", "cache": {}}, r"Story\.__init__\(\) got an unexpected keyword argument 'cache'"),
        ((1, "", [], "", ""), {"last": ""}, r"takes from 2 to 5 positional arguments but 6 positional"),
    ],
)
@pytest.mark.parametrize("decorate", both())
def test_what_does_not_fit_is_refused(
    decorate: Callable[[type], type], arguments: tuple[Any, ...], named: dict[str, Any], told: str
) -> None:
    """With Python's own words."""
    with pytest.raises(TypeError, match=told):
        story(decorate)(*arguments, **named)


@pytest.mark.parametrize("decorate", both())
def test_values_are_equal_when_what_is_compared_is(decorate: Callable[[type], type]) -> None:
    """And of the same class; so are their hashes."""
    pair, twin = pairs(decorate)
    assert pair(1, 2) == pair(1, 3) != pair(2, 2)
    assert hash(pair(1, 2)) == hash(pair(1, 3)) == hash((1,))
    assert pair(1, 2) != twin(1, 2)
    assert pair(1, 2).__eq__(1) is NotImplemented
    with pytest.raises(TypeError, match="unhashable"):
        hash(pair([], 0))


@pytest.mark.parametrize("decorate", both())
def test_a_class_without_fields_has_values_too(decorate: Callable[[type], type]) -> None:
    """All of them are equal."""

    @decorate
    class Nothing:
        """Nothing in it."""

    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(())
    assert repr(Nothing()).endswith("Nothing()")


@pytest.mark.parametrize("decorate", both())
def test_a_frozen_value_stays_as_it_is(decorate: Callable[[type], type]) -> None:
    """Neither a field nor anything else can be set or deleted."""
    made = story(decorate)(1, last="z")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'first'"):
        made.first = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'first'"):
        del made.first
    with pytest.raises((AttributeError, TypeError)):  # the standard one's own check fails here
        made.other = 2
    assert not hasattr(made, "__dict__")


@pytest.mark.parametrize("decorate", both(frozen=False))
def test_another_one_can_be_changed_and_has_no_hash(decorate: Callable[[type], type]) -> None:
    """As it is with the standard decorator."""
    made = story(decorate)(1, last="z")
    made.first = 2
    assert made == replace(made)
    assert made.first == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)
    with pytest.raises(AttributeError):
        made.other = 2


@pytest.mark.parametrize("decorate", both(frozen=False, eq=False))
def test_without_eq_a_value_equals_itself_alone(decorate: Callable[[type], type]) -> None:
    """And is hashed by what it is."""
    one, other = (story(decorate)(1, last="z") for _ in range(2))
    assert one != other
    assert len({one, other, one}) == 2


@pytest.mark.parametrize("decorate", both())
def test_a_method_that_a_class_has_is_left_alone(decorate: Callable[[type], type]) -> None:
    """An `__eq__` alone does not cost the hash."""
    made = own(decorate)
    assert repr(made(1)) == "own"
    assert made(1) == made(2)
    assert hash(made(1)) == hash((1,))


@pytest.mark.parametrize("decorate", both())
def test_a_class_may_have_other_defaults_than_its_base(decorate: Callable[[type], type]) -> None:
    """The field stays where it was, and the default does not hide it."""

    @decorate
    class Other(pairs(decorate)[0]):  # type: ignore[misc]  # made just now
        """One of the two."""

        one: Any = 5
        other: Any = 6

    assert astuple(Other()) == (5, 6)
    assert astuple(Other(1)) == (1, 6)


@pytest.mark.parametrize("decorate", both())
def test_a_class_without_a_docstring_is_one(decorate: Callable[[type], type]) -> None:
    """What stands in its place begins with its name."""
    made = decorate(type("Bare", (), {"__annotations__": {"one": "int"}}))
    assert (made.__doc__ or "").startswith("Bare")
    assert made(1) == made(1)


@slotted.dataclass(frozen=True, slots=True)
class Sent:
    """A class that can be found again by its name."""

    one: int
    more: tuple[str, ...] = ()


def test_the_standard_library_takes_it_for_one_of_its_own() -> None:
    """Copies, pickles, `replace`, `asdict`, `fields`, `match` and types."""
    sent = Sent(1, ("a",))
    assert get_type_hints(Sent) == {"one": int, "more": tuple[str, ...]}
    assert pickle.loads(pickle.dumps(sent)) == copy.copy(sent) == copy.deepcopy(sent) == sent
    assert replace(sent, one=2) == Sent(2, ("a",))
    assert asdict(sent) == {"one": 1, "more": ("a",)}
    assert [one.name for one in fields(Sent)] == ["one", "more"]
    match sent:
        case Sent(one, more):
            assert (one, more) == (1, ("a",))


def test_a_class_that_is_no_dataclass_may_stand_on_one() -> None:
    """It is made by the `__init__` of its base, whichever of the two has a value first."""

    class Below(Sent):
        """Nothing of its own."""

    assert Below(3).one == 3
    assert Sent(3) != Below(3)
