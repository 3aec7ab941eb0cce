"""Passwords as HTTP sends them (Basic, RFC 7617), compared in a time that does not depend on how much is right."""

from __future__ import annotations

import base64
import binascii
from hmac import compare_digest

CHALLENGE = ("WWW-Authenticate", 'Basic realm="DiStreamer"')
"""The header field of a 401."""
ADMIN = "admin"
"""The user of the pages for the operator, as Icecast calls it."""


def basic_credentials(authorization: str) -> tuple[bytes, bytes] | None:
    """User and password of an ``Authorization`` field; None when it is none of this kind."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        given = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, _, password = given.partition(b":")
    return user, password


def is_admin(authorization: str, password: str) -> bool:
    """Whether an ``Authorization`` field proves the operator, whose ``password`` is not empty."""
    given = basic_credentials(authorization)
    if given is None or not password:
        return False
    user_is_right = compare_digest(given[0], ADMIN.encode())
    return compare_digest(given[1], password.encode()) and user_is_right
