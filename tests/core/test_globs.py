"""What `paths:` means: the rules of GitHub Actions' path filters, and a folder means what is in it."""

from __future__ import annotations

import pytest

from octojobs.core.globs import matching

PATHS = ["README.md", "src/a.py", "src/deep/b.py", "src/deep/c[1].txt", "docs/src/x.md", ".github/ci.yml"]


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["src/**"], ["src/a.py", "src/deep/b.py", "src/deep/c[1].txt"]),
        (["src"], ["src/a.py", "src/deep/b.py", "src/deep/c[1].txt"]),
        (["./src/"], ["src/a.py", "src/deep/b.py", "src/deep/c[1].txt"]),
        (["src/*.py"], ["src/a.py"]),
        (["*.py"], []),
        (["**/*.py"], ["src/a.py", "src/deep/b.py"]),
        (["**.py"], ["src/a.py", "src/deep/b.py"]),
        (["**/src"], ["src/a.py", "src/deep/b.py", "src/deep/c[1].txt", "docs/src/x.md"]),
        (["**"], PATHS),
        (["*"], ["README.md"]),
        (["src/*"], ["src/a.py"]),
        (["src/?.py"], ["src/a.py"]),
        (["src/[ab].py"], ["src/a.py"]),
        (["src/[!a].py"], []),
        (["src/[!b].py"], ["src/a.py"]),
        (["src/deep/c[[]1].txt"], ["src/deep/c[1].txt"]),
        (["sr"], []),
        (["README.md", "src/deep"], ["README.md", "src/deep/b.py", "src/deep/c[1].txt"]),
        (["src/**", "!src/deep/**"], ["src/a.py"]),
        (["!src/deep/**", "src/**"], ["src/a.py", "src/deep/b.py", "src/deep/c[1].txt"]),
        (["src/**", "!src/deep", "src/deep/b.py"], ["src/a.py", "src/deep/b.py"]),
        (["README.md|src"], []),
        (["a(b", "README.mdx"], []),
    ],
)
def test_the_patterns_mean_these_paths(patterns: list[str], found: list[str]) -> None:
    """The last pattern that matches a path decides about it."""
    assert matching(PATHS, patterns) == found
