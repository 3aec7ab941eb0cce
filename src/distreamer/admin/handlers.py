"""Answers what is asked; the table in ``routes`` says which function answers what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from distreamer.admin.answers import AnswerT, json_answer, wish_of
from distreamer.admin.event_stream import EventStreams
from distreamer.admin.guard import SESSION_SECONDS, Guard
from distreamer.admin.looks import link_views, without_passwords
from distreamer.admin.metrics import exposition
from distreamer.admin.problem import ProblemError
from distreamer.admin.station import Station, view_of
from distreamer.admin.views import (
    AlertTestView,
    DoneView,
    EventsView,
    HealthView,
    LinksView,
    ListenersView,
    ListenerView,
    Login,
    ReadyView,
    TitleWish,
)
from distreamer.errors import DiStreamerError
from distreamer.runtime import commands
from distreamer.runtime.instance import Instance

BODY_SECONDS = 10.0
"""For the body of a request to come."""
MOST_EVENTS_ASKED = 1000
LARGEST_NUMBER = 2**53
"""Of an event, so that every reader of JSON keeps it whole."""
MOST_DIGITS = 20
"""Of a number; Python takes thousands of them for an attack."""


@dataclass(frozen=True, slots=True)
class Api:
    """What the handlers work with."""

    station: Station
    guard: Guard
    streams: EventStreams
    description: bytes
    """Of the API, as JSON."""


async def health(api: Api, request: web.Request) -> web.StreamResponse:
    """Whoever reads this has it from a process that lives."""
    return json_answer(HealthView("DiStreamer runs"))


async def ready(api: Api, request: web.Request) -> web.StreamResponse:
    """503 unless audio goes out of every instance."""
    reasons = {view.name: view.why_not_ready for view in api.station.views()}
    missing = {name: reason for name, reason in reasons.items() if reason}
    if not missing:
        return json_answer(ReadyView("audio goes out", reasons))
    sentence = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
    return json_answer(ReadyView(f"audio does not go out: {sentence}", reasons), status=503)


async def metrics(api: Api, request: web.Request) -> web.StreamResponse:
    """Of all instances."""
    body, content_type = exposition(api.station.sources, request.headers.get("Accept", ""), api.station.absent)
    return web.Response(body=body, headers={"Content-Type": content_type})


async def openapi(api: Api, request: web.Request) -> web.StreamResponse:
    """The API's description."""
    return web.Response(body=api.description, content_type="application/json")


async def status(api: Api, request: web.Request) -> web.StreamResponse:
    """All instances."""
    return web.Response(body=api.station.status(), content_type="application/json")


async def instance(api: Api, request: web.Request) -> web.StreamResponse:
    """One of them."""
    return json_answer(view_of(api.station.instance(request.match_info["instance"])))


async def links(api: Api, request: web.Request) -> web.StreamResponse:
    """With the slots of their histories."""
    snapshot = api.station.instance(request.match_info["instance"]).snapshot()
    return json_answer(LinksView(link_views(without_passwords(snapshot))))


async def events(api: Api, request: web.Request) -> web.StreamResponse:
    """Of all instances, or of one."""
    after = number_of(request, "after", 0, LARGEST_NUMBER, 0)
    limit = number_of(request, "limit", 1, MOST_EVENTS_ASKED, MOST_EVENTS_ASKED)
    name = request.match_info.get("instance", "")
    found = api.station.events(after, limit, name)
    return json_answer(EventsView(tuple(found), found[-1].number if found else after))


async def event_stream(api: Api, request: web.Request) -> web.StreamResponse:
    """Until the client goes or is too slow."""
    told = request.headers.get("Last-Event-ID", "")
    after = number_of(request, "after", 0, LARGEST_NUMBER, None)
    if after is None and len(told) <= MOST_DIGITS and told.isascii() and told.isdigit():
        after = min(int(told), LARGEST_NUMBER)
    return await api.streams.serve(request, after)


async def restart_input(api: Api, request: web.Request) -> web.StreamResponse:
    """Makes it anew."""
    found, name = _input(api, request)
    try:
        return json_answer(DoneView(await commands.restart_input(found, name)))
    except DiStreamerError as error:
        raise ProblemError(409, f"The input goes on as before: {error}.") from error


async def prefer_input(api: Api, request: web.Request) -> web.StreamResponse:
    """Puts it on air."""
    found, name = _input(api, request)
    try:
        return json_answer(DoneView(await commands.prefer_input(found, name)))
    except DiStreamerError as error:
        raise ProblemError(409, f"All goes on as before: {error}.") from error


async def prefer_as_configured(api: Api, request: web.Request) -> web.StreamResponse:
    """Takes ``prefer_input`` back."""
    found = api.station.instance(request.match_info["instance"])
    return json_answer(DoneView(await commands.prefer_input(found, None)))


async def set_title(api: Api, request: web.Request) -> web.StreamResponse:
    """Of what comes next."""
    found = api.station.instance(request.match_info["instance"])
    text = (await _wish(request, TitleWish)).text
    try:
        return json_answer(DoneView(commands.set_title(found, text)))
    except DiStreamerError as error:
        raise ProblemError(409, f"The title cannot be set: {error}.") from error


async def test_alert(api: Api, request: web.Request) -> web.StreamResponse:
    """Tells everybody that nothing is the matter."""
    return json_answer(AlertTestView(*await commands.test_alerts(api.station.instance(request.match_info["instance"]))))


async def listeners(api: Api, request: web.Request) -> web.StreamResponse:
    """Of an output."""
    part = api.station.output(request.match_info["instance"], request.match_info["output"])
    try:
        found = commands.listeners(part)
    except DiStreamerError as error:
        raise ProblemError(409, f"Nobody knows: {error}.") from error
    return json_answer(
        ListenersView(tuple(ListenerView(one.number, one.address, one.agent, one.seconds) for one in found))
    )


async def kick(api: Api, request: web.Request) -> web.StreamResponse:
    """Disconnects one."""
    part = api.station.output(request.match_info["instance"], request.match_info["output"])
    number = request.match_info["number"]
    try:
        is_number = len(number) <= MOST_DIGITS and number.isascii() and number.isdigit()
        is_gone = is_number and commands.kick(part, int(number))
    except DiStreamerError as error:
        raise ProblemError(409, f"Nobody can be disconnected: {error}.") from error
    if not is_gone:
        raise ProblemError(404, "There is no listener of that number.")
    return json_answer(DoneView("the listener was disconnected, and may come again"))


async def log_in(api: Api, request: web.Request) -> web.StreamResponse:
    """Gives a cookie for the password."""
    now = api.station.clock.now()
    given = (await _wish(request, Login)).password
    if not api.guard.is_password(given.encode("utf-8", "replace"), request.remote or "", now):
        raise ProblemError(401, "The password is wrong.")
    answer = json_answer(DoneView("you are logged in"))
    token = api.guard.sessions.begin(now)
    answer.set_cookie(api.guard.cookie, token, max_age=SESSION_SECONDS, path="/", httponly=True, samesite="Strict")
    return answer


async def log_out(api: Api, request: web.Request) -> web.StreamResponse:
    """The cookie holds no more."""
    api.guard.sessions.end(request.cookies.get(api.guard.cookie, ""))
    answer = json_answer(DoneView("you are logged out"))
    answer.del_cookie(api.guard.cookie, path="/", httponly=True, samesite="Strict")
    return answer


def number_of(request: web.Request, name: str, low: int, high: int, default: AnswerT) -> int | AnswerT:
    """A whole number of the query; raises ProblemError when it is something else."""
    values = request.query.getall(name, [])
    if not values:
        return default
    text = values[0]
    is_number = len(values) == 1 and len(text) <= MOST_DIGITS and text.isascii() and text.isdigit()
    if not is_number or not low <= int(text) <= high:
        raise ProblemError(400, f"{name} must be a whole number from {low} to {high}.")
    return int(text)


def _input(api: Api, request: web.Request) -> tuple[Instance, str]:
    """The instance and the name of one of its inputs."""
    found = api.station.instance(request.match_info["instance"])
    name = request.match_info["input"]
    if all(part.name != name for part in found.inputs):
        raise ProblemError(404, "There is no input of that name.")
    return found, name


async def _wish(request: web.Request, kind: type[AnswerT]) -> AnswerT:
    if request.content_type != "application/json":
        raise ProblemError(415, "The body must be JSON, with the Content-Type application/json.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return wish_of(await request.read(), kind)
    except TimeoutError:
        raise ProblemError(408, f"The body did not come within {BODY_SECONDS:.0f} s.") from None
