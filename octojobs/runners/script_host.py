"""The process of a script job: finds the function, calls it, keeps its state and its result.

Run by path, as `PYTHON script_host.py ORDER`, in the Python that the repository chose: 3.9 or newer, standard library
only. Exit code 0: it returned. 1: it raised (the traceback is in the output). 2: there is no such function, or it can't
be called like that (one line says why, and what there is).
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # First of all, before anything else is imported: Python put the folder of this file in front, and its neighbours
    # must not be taken for the repository's modules. "" is the current folder: the job's `cwd`.
    sys.path[0] = ""

import importlib
import importlib.util
import json
import logging
import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent.parent
_USAGE = 2


class NoSuchFunction(Exception):
    """The order names what isn't there, or can't be called so; the message is for the person who wrote it."""


def main(order: Mapping[str, Any]) -> int:
    """Carry out the order; returns the exit code."""
    load_octojobs()
    from octojobs.runners.context import DamagedState, context_from  # only now can it be found

    sys.path[:1] = [os.getcwd(), *([repo] if (repo := os.environ["OCTOJOBS_REPO"]) != os.getcwd() else [])]
    _talk_line_by_line()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    context = context_from(os.environ, Path(order["state"]), order["args"], order.get("enqueue", ()))
    try:
        function = find(order["run"], order["modules"])
        call = bind(order["run"], function, context)
    except NoSuchFunction as problem:
        sys.stderr.write(f"octojobs: {problem}\n")
        return _USAGE
    try:
        value = _finished(call())
        context.state.save()
    except DamagedState as problem:
        sys.stderr.write(f"octojobs: {problem}\n")
        return 1
    except SystemExit as leaving:
        if leaving.code in (None, 0):
            context.state.save()
            _store(context.result)
        raise
    except Exception as error:  # noqa: BLE001 -- whatever a job may raise ends here, in its own output
        if _is_told(function, error):
            sys.stderr.write(f"octojobs: {str(error).strip()}\n")
        else:
            _print_traceback(error)
        return 1
    _store(context.result if value is None else value)
    return 0


def load_octojobs() -> None:
    """Make `import octojobs` mean the package that this file belongs to, and nothing else of what lies beside it."""
    if "octojobs" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location("octojobs", _PACKAGE / "__init__.py", submodule_search_locations=[str(_PACKAGE)])
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no octojobs in {_PACKAGE}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["octojobs"] = module
    spec.loader.exec_module(module)


def find(run: str, modules: Iterable[str]) -> Callable[..., Any]:
    """The function that `run` names: `package.module:function`, or a name registered in one of the modules."""
    from octojobs.runners.context import registered  # found by load_octojobs only

    name, colon, path = run.partition(":")
    if colon:
        target: Any = _import(name, f"{run!r}")
        for step in path.split("."):
            target = _member(target, step, name)
    else:
        for module in modules:
            _import(module, "`modules:` in .octopoid/octojobs.yaml")
        functions = registered()
        if run not in functions:
            known = ", ".join(sorted(functions)) or "none"
            raise NoSuchFunction(f"no job function is registered under {run!r}; registered: {known}{_hint(run, functions)}")
        target = functions[run]
    if not callable(target):
        raise NoSuchFunction(f"{run!r} is {type(target).__name__}, not a function")
    found: Callable[..., Any] = target
    return found


def bind(run: str, function: Callable[..., Any], context: Any) -> Callable[[], Any]:
    """The call, its arguments checked against the function's signature.

    The context is passed when the first parameter is called `ctx`, `context` or `job_context`, or says JobContext.
    """
    import inspect  # lazily: it is the largest import here, and a name that isn't there needs no signature

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin without one
        return lambda: function(**context.args)
    first = next(iter(signature.parameters.values()), None)
    leading = (context,) if first is not None and _wants_context(first) else ()
    try:
        bound = signature.bind(*leading, **context.args)
    except TypeError as error:
        given = f"args {sorted(context.args)}" if context.args else "no args"
        raise NoSuchFunction(f"{run!r} can't be called with {given}: {error}; its parameters are {signature}") from None
    return lambda: function(*bound.args, **bound.kwargs)


def _wants_context(parameter: Any) -> bool:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
        return False
    annotation = parameter.annotation
    said = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return parameter.name in {"ctx", "context", "job_context"} or said.strip("'\"").rpartition(".")[2] == "JobContext"


def _import(module: str, wanted_by: str) -> Any:
    try:
        return importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 -- importing runs the module, which may raise anything
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{module}.".startswith(f"{missing}."):
            places = f"looked in {os.getcwd()} and in the packages of {sys.executable}"
            raise NoSuchFunction(f"there is no module {missing!r}, which {wanted_by} names; {places}") from None
        _print_traceback(error)
        raise NoSuchFunction(f"module {module!r}, which {wanted_by} names, can't be imported: {type(error).__name__}: {error}") from None


def _member(target: Any, name: str, module: str) -> Any:
    try:
        return getattr(target, name)
    except AttributeError:
        there = [known for known, value in vars(target).items() if callable(value)] if hasattr(target, "__dict__") else []
        raise NoSuchFunction(f"module {module!r} has no function {name!r}{_hint(name, there)}") from None


def _hint(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _finished(value: Any) -> Any:
    """The value itself, or what a coroutine comes to."""
    if hasattr(value, "__await__") and hasattr(value, "send"):
        import asyncio  # lazily: few jobs are async

        return asyncio.run(value)
    return value


def _store(value: Any) -> None:
    """Leave the result as JSON; what JSON can't hold becomes its text. None leaves whatever the job wrote by itself."""
    if value is None:
        return
    from octojobs.runners.context import write_whole  # found by load_octojobs only

    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = json.dumps(str(value), ensure_ascii=False)
    write_whole(Path(os.environ["OCTOJOBS_RESULT"]), text)


def _talk_line_by_line() -> None:
    """Output is followed and timed (`logs -f`, `idle_timeout`): a buffer of 8 KB would hide it."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]  # they are TextIOWrappers here


def _is_told(function: Callable[..., Any], error: Exception) -> bool:
    """Whether a shipped job says with it what a person can mend: its frames are ours, and nothing to its reader."""
    return all(str(getattr(one, "__module__", "")).startswith("octojobs.") for one in (function, type(error)))


def _print_traceback(error: BaseException) -> None:
    """The traceback from the job's own frames on: ours say nothing to its author."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename in (__file__, importlib.__file__):
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames or error.__traceback__)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
