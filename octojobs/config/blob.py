"""The name that git gives to the content of a file, so that a content read anywhere has the same name."""

from __future__ import annotations

from hashlib import sha1, sha256

_SHA1_DIGITS = 40


def blob_id(data: bytes, like: str = "") -> str:
    r"""Git's object id of the content as a blob: 40 hex digits, or 64 where `like`, an id of the repository, has those.

    >>> blob_id(b"hello\n")
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    whole = b"blob %d\0" % len(data) + data
    if len(like) > _SHA1_DIGITS:
        return sha256(whole).hexdigest()
    return sha1(whole, usedforsecurity=False).hexdigest()
