"""The registry behind `@octojobs.condition`: conditions of the repository's own, by name.

Imported in the repository's Python, which may be older than octojobs' and has nothing of octojobs installed: the standard
library of Python 3.9 is all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
_registry: dict[str, Callable[..., Any]] = {}


class AlreadyRegistered(ValueError):
    """Two functions want the same name; the message names both."""


def condition(name: str) -> Callable[[Function], Function]:
    """Register a function under a name that `conditions:` in `jobs.yaml` may use; the function stays as it is.

    It is called with the condition's arguments as keywords, in a process of its own, and returns a bool, or a bool and the
    evidence in words. Whatever it raises means that nobody knows. The module must stand under `modules:` in
    `.octopoid/octojobs.yaml`: that is what gets imported. Raises AlreadyRegistered when another function has the name.
    """
    if not isinstance(name, str):
        raise TypeError('@octojobs.condition needs a name: @octojobs.condition("fresh")')

    def register(function: Function) -> Function:
        other = _registry.get(name)
        if other is not None and _place(other) != _place(function):
            raise AlreadyRegistered(f"two functions are registered as {name!r}: {_place(other)} and {_place(function)}")
        _registry[name] = function
        return function

    return register


def registered() -> Mapping[str, Callable[..., Any]]:
    """The functions by name, in the order in which they were registered."""
    return dict(_registry)


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"
