"""`@dataclass(slots=True)`, frozen or not, made in a tenth of the time: every start pays for each class that it imports.

The standard decorator compiles six methods a class, in half a millisecond. Here all but `__init__` are written once, and that one is
compiled when a class gets its first value: of the classes that a verb imports most never have one. It fills the slots themselves, in
two thirds of the time that `object.__setattr__` takes. To a type checker this is the standard decorator, and what it makes is at home in
`fields`, `replace`, `asdict`, `match`, copies and pickles. docs/decisions/0041-classes-with-slots-are-made-here.md says what was measured.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from operator import attrgetter
from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from dataclasses import Field, dataclass
    from typing import NoReturn

    __all__ = ["dataclass"]

_ABSENT: Any = object()


if not TYPE_CHECKING:

    def dataclass(*, slots: bool, frozen: bool = False, eq: bool = True) -> Callable[[type], type]:
        """The decorator, for classes with slots: any other one is the standard's."""
        assert slots
        return partial(_made, is_frozen=frozen, has_eq=eq)


def _made(plain: type, *, is_frozen: bool, has_eq: bool) -> type:
    """The class anew, for slots can't be given to one that is there."""
    plain.__doc__ = plain.__doc__ or plain.__qualname__  # otherwise the standard writes its signature there, in 4 ms
    fields = dataclasses.fields(dataclasses.dataclass(init=False, repr=False, eq=False)(plain))
    inherited = {name for base in plain.__mro__[1:] for name in getattr(base, "__slots__", ())}
    names = [field.name for field in fields]
    slots = tuple(name for name in names if name not in inherited)
    own = {name: value for name, value in vars(plain).items() if name not in (*names, "__dict__", "__weakref__")}
    if own.get("__hash__", _ABSENT) is None and "__eq__" in own:
        del own["__hash__"]  # Python's own doing, for a class with an `__eq__`
    methods = {"__init__": _Init(), "__repr__": _shows(fields)}
    if has_eq:
        methods |= _comparing(fields) if is_frozen else {**_comparing(fields), "__hash__": None}
    if is_frozen:
        methods |= _FREEZING
    return type(plain)(plain.__name__, plain.__bases__, {**methods, **own, "__slots__": slots, "__qualname__": plain.__qualname__})


def _shows(fields: Sequence[Field[Any]]) -> Callable[[Any], str]:
    names = [field.name for field in fields if field.repr]
    return lambda self: f"{type(self).__qualname__}({', '.join([f'{name}={getattr(self, name)!r}' for name in names])})"


def _comparing(fields: Sequence[Field[Any]]) -> dict[str, Any]:
    compared = _reader([field.name for field in fields if field.compare])
    hashed = _reader([field.name for field in fields if (field.compare if field.hash is None else field.hash)])
    return {
        "__eq__": lambda self, other: compared(self) == compared(other) if type(other) is type(self) else NotImplemented,
        "__hash__": lambda self: hash(hashed(self)),
    }


def _reader(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of those fields; a reader of one attribute would not make it a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple([getattr(value, name) for name in names])


def _refuse_to_set(_: object, name: str, __: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: Sequence[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_FREEZING = {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete, "__getstate__": _state, "__setstate__": _set_state}


class _Init:
    """`__init__` until somebody asks for it: the class's first value, or who looks for its signature."""

    def __set_name__(self, kind: type, _: str) -> None:
        self._kind = kind

    def __get__(self, value: object, _: type | None = None) -> Callable[..., None]:
        init = _compiled(self._kind)
        self._kind.__init__ = init  # type: ignore[misc]  # from now on there is no other one
        return init if value is None else MethodType(init, value)


def _compiled(kind: Any) -> Any:
    """The class's `__init__`: each field that it takes is a parameter, in their order, those by keyword alone at the end."""
    names: dict[str, Any] = {"_absent": _ABSENT}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    lines = []
    for field in dataclasses.fields(kind):
        value, slot = field.name, f"_set_{field.name}"
        names[slot] = getattr(kind, field.name).__set__
        if field.default_factory is not dataclasses.MISSING:
            names[f"_new_{field.name}"] = field.default_factory
            value = f"_new_{field.name}() if {field.name} is _absent else {field.name}" if field.init else f"_new_{field.name}()"
        elif field.default is not dataclasses.MISSING:
            names[f"_default_{field.name}"] = field.default
            value = field.name if field.init else f"_default_{field.name}"
        elif not field.init:
            continue
        lines.append(f"{slot}(self, {value})")
        if field.init:
            parameters[bool(field.kw_only)].append(field.name + _default(field))
    if hasattr(kind, "__post_init__"):
        lines.append("self.__post_init__()")
    taken = ", ".join(["self", *parameters[False], *(["*", *parameters[True]] if parameters[True] else [])])
    source = f"def made({', '.join(names)}):\n def __init__({taken}):\n  " + "\n  ".join(lines or ["return"]) + "\n return __init__"
    space: dict[str, Any] = {}
    exec(source, space)  # noqa: S102 -- of names of fields alone, as in the standard library
    init = space["made"](**names)
    init.__qualname__ = f"{kind.__qualname__}.__init__"
    init.__module__ = kind.__module__
    init.__annotations__ = {field.name: field.type for field in dataclasses.fields(kind) if field.init} | {"return": None}
    return init


def _default(field: Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "=_absent"
    return f"=_default_{field.name}" if field.default is not dataclasses.MISSING else ""
