"""The name that git gives to the content of a file, so that a content read anywhere has the same name."""

from __future__ import annotations

from hashlib import sha1


def blob_id(data: bytes) -> str:
    r"""Git's object id of the content as a blob, 40 hex digits (a repository with SHA-256 names has other ones).

    >>> blob_id(b"hello\n")
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
