"""Requests of encoders and automations that bring no audio: titles, probes, questions. Pure: a request in, an
answer out."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import RequestHead, shown
from distreamer.protocol.source import replies
from distreamer.protocol.source.admin_request import parse_form, title_of
from distreamer.protocol.source.credentials import Credentials
from distreamer.protocol.source.events import Answered, PasswordRefused, StatsAsked, TitleSet

NOTHING_TO_HEAR = "There is nothing to hear here: encoders send their programme to this port."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request comes to."""

    event: TitleSet | PasswordRefused | Answered
    reply: bytes
    keep: bool
    """Whether the connection goes on."""


def answer(request: RequestHead, form: bytes, credentials: Credentials, charset: str) -> Outcome | StatsAsked:
    """``form`` is the request's body; ``charset`` that of titles which are not UTF-8 and name none."""
    keep = replies.keeps_alive(request)
    path = request.path.lower()
    if request.method == "OPTIONS":
        return answered(request, 200, keep=keep)
    if request.method not in {"GET", "HEAD", "POST"}:
        return answered(request, 405, f"{request.method} is not served here", keep=keep)
    if path in {b"/admin/metadata", b"/admin.cgi"}:
        return _title(request, parse_form(request.query + b"&" + form), credentials, charset)
    if path == b"/stats":
        return StatsAsked()
    # libshout pokes below /admin, and takes 401 for an answer but not 404.
    authorization = request.headers.get("authorization")
    if path.startswith(b"/admin") and credentials.of_basic(authorization) is None:
        return unauthorized(request, "the administration", given=bool(authorization), keep=keep)
    return answered(request, 200 if path == b"/" else 404, NOTHING_TO_HEAR, keep=keep)


def answered(request: RequestHead, status: int, text: str = "", *, keep: bool) -> Outcome:
    """An answer that changes nothing."""
    event = Answered(f"{request.method} {shown(request.path)}", status)
    return Outcome(event, replies.reply(request, status, text, keep=keep), keep)


def unauthorized(request: RequestHead, what: str, *, given: bool, keep: bool) -> Outcome:
    """401; a password that was ``given`` is wrong, which is an event of its own."""
    outcome = answered(request, 401, "A password is needed, and it must be the right one", keep=keep)
    return Outcome(PasswordRefused(what), outcome.reply, keep) if given else outcome


def _title(request: RequestHead, fields: dict[str, bytes], credentials: Credentials, charset: str) -> Outcome:
    keep = replies.keeps_alive(request)
    # SHOUTcast has the password in the target, Icecast in Authorization; some send both, one of them stale.
    authorization = request.headers.get("authorization")
    password = fields.get("pass")
    by_line = credentials.of_line(password) if password is not None else None
    if by_line is None and credentials.of_basic(authorization) is None:
        return unauthorized(request, "a title", given=password is not None or bool(authorization), keep=keep)
    try:
        title = title_of(fields, charset)
    except ProtocolError as error:
        return answered(request, 400, str(error), keep=keep)
    reply = replies.reply(request, 200, replies.TITLE_TAKEN, keep=keep, content_type="text/xml; charset=utf-8")
    return Outcome(TitleSet(title), reply, keep)
