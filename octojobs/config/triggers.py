"""`on`: what in the repository a job is triggered by; exactly one of `ref` (with `paths`), `tag`, `task` and `job`."""

from __future__ import annotations

from octojobs.config.entries import Entry
from octojobs.config.suggest import listed
from octojobs.core.identity import InvalidId, JobId
from octojobs.core.refnames import is_full_ref, is_ref_pattern
from octojobs.core.when import Ending, JobWhen, RefWhen, TagWhen, TaskWhen

NAMES = ("ref", "tag", "task", "job")
_TAGS, _HEADS = "refs/tags/", "refs/heads/"


def trigger(entry: Entry) -> RefWhen | TagWhen | TaskWhen | JobWhen | None:
    """The trigger; None when it names a job that nobody can have, which is told where names are looked up. Raises Invalid."""
    given = [name for name in NAMES if name in entry.value]
    if not given:
        fix = "paths belong to a ref: add `ref:`" if "paths" in entry.value else f"add {listed([f'`{name}:`' for name in NAMES])}"
        raise entry.invalid("does not say what to wait for", fix)
    if len(given) > 1:
        raise entry.at(given[1]).invalid(f"{given[0]} and {given[1]} are both given", "keep one of them, and write a job for the other")
    if "paths" in entry.value and given[0] != "ref":
        raise entry.at("paths").invalid("paths are those of a ref's commits", f"remove them, or wait for a ref instead of a {given[0]}")
    match given[0]:
        case "ref":
            return RefWhen(_ref(entry.at("ref")), _paths(entry.at("paths")) if "paths" in entry.value else ())
        case "tag":
            return TagWhen(_tag(entry.at("tag")))
        case "task":
            return _task(entry.at("task"))
        case _:
            return _job(entry.at("job"))


def _ref(entry: Entry) -> str:
    name: str = entry.value
    if name == "HEAD":
        raise entry.invalid("HEAD stands for another branch after a switch", f"name the branch in full, such as {_HEADS}main")
    if is_full_ref(name):
        return name
    if is_ref_pattern(name):
        raise entry.invalid(f'"{name}" is a pattern, and one ref is watched', "name it in full, and write a job for each")
    if not name.startswith("refs/") and is_full_ref(_HEADS + name):
        raise entry.invalid(f'"{name}" is not a full ref name', f"write {_full(name)}")
    raise entry.invalid(f'"{name}" is no name that git would take', f"write a full ref name, such as {_HEADS}main")


def _full(name: str) -> str:
    """What somebody means who leaves out the beginning."""
    beginning = name.partition("/")[0]
    if beginning in ("heads", "tags", "remotes"):
        return f"refs/{name}"
    return f"refs/remotes/{name}" if beginning in ("origin", "upstream") and "/" in name else _HEADS + name


def _paths(entry: Entry) -> tuple[str, ...]:
    patterns = (entry.value,) if isinstance(entry.value, str) else tuple(entry.value)
    if all(pattern.startswith("!") for pattern in patterns):
        raise entry.invalid("takes no path in", "add a pattern without !, such as src/**")
    for item in entry.items() if isinstance(entry.value, list) else [entry]:
        if item.value.removeprefix("!").startswith(("/", "../", "~")):
            raise item.invalid(f'"{item.value}" is no pattern of paths in the repository', "write it from the root on, such as src/**")
    return patterns


def _tag(entry: Entry) -> str:
    name: str = entry.value
    if name.startswith(_TAGS):
        raise entry.invalid(f'"{name}" is not how a tag is called', f"write {name.removeprefix(_TAGS) or 'v*'}")
    if not is_ref_pattern(_TAGS + name):
        raise entry.invalid(f'"{name}" is no name, and no pattern of names, that git would take for a tag', "write one such as v*")
    return name


def _task(entry: Entry) -> TaskWhen:
    from octojobs.core.flow import OCTOPOID  # few triggers wait for a task, and the hook reads them all
    from octojobs.core.task import line

    state, flow = entry.at("state"), entry.value.get("flow", "")
    if state.value not in OCTOPOID.states:
        raise state.invalid(f'"{state.value}" is no state of a task', f"write {listed(list(OCTOPOID.states))}")
    if flow != line(flow):
        raise entry.at("flow").invalid("is no name of a flow", "write it as it stands in the task, on one line")
    return TaskWhen(state.value, flow)


def _job(entry: Entry) -> JobWhen | None:
    (name,) = entry.value
    try:
        return JobWhen(JobId(name), Ending(entry.value[name]))
    except InvalidId:
        return None
