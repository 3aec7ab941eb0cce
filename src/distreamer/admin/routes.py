"""The table of all that can be asked. The server and the API's description are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from distreamer.admin import handlers, views
from distreamer.admin.handlers import Api

Handler = Callable[[Api, web.Request], Awaitable[web.StreamResponse]]
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of a query: a whole number."""

    name: str
    low: int
    high: int
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """Something that can be asked."""

    method: str
    path: str
    handle: Handler
    summary: str
    """The first line of its description."""
    answer: type | None
    """What is answered; None for a text of another ``media`` type."""
    failures: tuple[int, ...] = ()
    """Further status codes, beside those that every route has."""
    body: type | None = None
    queries: tuple[Query, ...] = ()
    media: str = JSON
    is_open: bool = False
    """Whether it needs no password."""
    text: str = ""
    """The rest of its description."""

    @property
    def operation(self) -> str:
        """Its name in the description."""
        return self.handle.__name__ if "{instance}/events" not in self.path else f"instance_{self.handle.__name__}"


AFTER = Query("after", 0, handlers.LARGEST_NUMBER, "Only events after that of this number.")
LIMIT = Query("limit", 1, handlers.MOST_EVENTS_ASKED, "Only so many, the newest.")
INSTANCE: Final = "/api/v1/instances/{instance}"

ROUTES: Final = (
    Route(
        "GET",
        "/health",
        handlers.health,
        "Whether the process lives",
        views.HealthView,
        is_open=True,
        text="It needs no password, and says nothing about the programme.",
    ),
    Route(
        "GET",
        "/ready",
        handlers.ready,
        "Whether audio really goes out",
        views.ReadyView,
        failures=(503,),
        text="200 when it goes out of every instance: listeners hear the programme and no filler, or, where nothing is "
        "played, a receiver gets what arrives. Otherwise 503 and the reasons.",
    ),
    Route(
        "GET",
        "/metrics",
        handlers.metrics,
        "Metrics for Prometheus",
        None,
        media="text/plain",
        text="docs/reference/metrics.md lists them.",
    ),
    Route("GET", "/api/v1/openapi.json", handlers.openapi, "This description", dict),
    Route(
        "GET",
        "/api/v1/status",
        handlers.status,
        "How all instances are",
        views.StatusView,
        text="First in plain words and as numbers, then the whole snapshot of each.",
    ),
    Route("GET", INSTANCE, handlers.instance, "How an instance is", views.InstanceView, failures=(404, 503)),
    Route(
        "GET",
        f"{INSTANCE}/links",
        handlers.links,
        "The links of an instance, with their last day",
        views.LinksView,
        failures=(404, 503),
    ),
    Route(
        "GET",
        f"{INSTANCE}/events",
        handlers.events,
        "What happened to an instance",
        views.EventsView,
        failures=(400, 404, 503),
        queries=(AFTER, LIMIT),
    ),
    Route(
        "GET",
        "/api/v1/events",
        handlers.events,
        "What happened to all instances",
        views.EventsView,
        failures=(400,),
        queries=(AFTER, LIMIT),
        text="docs/reference/events.md lists the kinds.",
    ),
    Route(
        "GET",
        "/api/v1/events/stream",
        handlers.event_stream,
        "What happens, and the status each second",
        None,
        failures=(400, 503),
        queries=(AFTER,),
        media="text/event-stream",
        text="Server-sent events: `status`, whose data is what /api/v1/status answers, and `event`, with an event as "
        "data and its number as id. Without `after` or `Last-Event-ID` only new ones come. Who is slow to take them "
        "gets fewer statuses, and no old ones.",
    ),
    Route(
        "POST",
        f"{INSTANCE}/inputs/{{input}}/restart",
        handlers.restart_input,
        "Begins an input anew",
        views.DoneView,
        failures=(404, 409, 503),
        text="What it brought is kept, and what it brings next goes on behind it: listeners need not hear it.",
    ),
    Route(
        "POST",
        f"{INSTANCE}/inputs/{{input}}/prefer",
        handlers.prefer_input,
        "Puts an input on air",
        views.DoneView,
        failures=(404, 409, 503),
        text="At once, and again whenever it works; when it fails, the others take over as ever. That holds until "
        "another one is preferred, or the program ends.",
    ),
    Route(
        "POST",
        f"{INSTANCE}/prefer-as-configured",
        handlers.prefer_as_configured,
        "Lets inputs be preferred as it is configured",
        views.DoneView,
        failures=(404, 503),
        text="It takes back what was preferred by a command.",
    ),
    Route(
        "POST",
        f"{INSTANCE}/title",
        handlers.set_title,
        "Sets the title of what is on air",
        views.DoneView,
        failures=(400, 404, 408, 409, 413, 415, 422, 503),
        body=views.TitleWish,
        text="It stands before the audio that the input on air brings next, until the source sends another. Where the "
        "programme comes from another DiStreamer, titles are set there.",
    ),
    Route(
        "POST",
        f"{INSTANCE}/test-alert",
        handlers.test_alert,
        "Tries whether alerts arrive",
        views.AlertTestView,
        failures=(404, 503),
        text="Adds an event of the kind `test`, sends a test through each alert now, and answers when each was told or "
        "has failed.",
    ),
    Route(
        "GET",
        f"{INSTANCE}/outputs/{{output}}/listeners",
        handlers.listeners,
        "Who listens to an output",
        views.ListenersView,
        failures=(404, 409, 503),
        text="Of a ShoutcastServer with one of WORKERS.",
    ),
    Route(
        "POST",
        f"{INSTANCE}/outputs/{{output}}/listeners/{{number}}/kick",
        handlers.kick,
        "Disconnects a listener",
        views.DoneView,
        failures=(404, 409, 503),
        text="Players mostly come again at once.",
    ),
    Route(
        "POST",
        "/api/v1/session",
        handlers.log_in,
        "Logs a page in",
        views.DoneView,
        failures=(400, 408, 413, 415, 422),
        body=views.Login,
        is_open=True,
        text="Answers with a cookie that takes the place of the password for 12 hours.",
    ),
    Route("DELETE", "/api/v1/session", handlers.log_out, "Logs a page out", views.DoneView, is_open=True),
)
