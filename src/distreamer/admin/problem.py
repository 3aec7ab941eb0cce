"""What goes wrong is told as a JSON problem (RFC 9457): one plain sentence under the number of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

PROBLEM_TYPE = "application/problem+json"
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""As RFC 9110 has them; Python does since 3.13 only."""


def phrase(status: int) -> str:
    """The status code in HTTP's own words."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


@dataclass(frozen=True, slots=True)
class ProblemAnswer:
    """Why the answer is not what was asked for."""

    status: int
    """The status code."""
    title: str
    """The same in HTTP's own words."""
    detail: str
    """What is wrong, in one plain sentence."""


class ProblemError(Exception):
    """Raised by whatever answers; becomes the answer."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.answer = ProblemAnswer(status, phrase(status), detail)
        self.headers = dict(headers or {})
