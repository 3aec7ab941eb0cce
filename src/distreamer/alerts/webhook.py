"""[ALERT] MODE = Webhook: a POST for each message."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import socket
import ssl
from functools import partial
from typing import Annotated

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import AfterValidator, Field
from yarl import URL

from distreamer import AGENT
from distreamer.alerts.context import AlertContext
from distreamer.alerts.fault_words import certificate_fault, lookup_fault, tls_fault, unanswered
from distreamer.alerts.message import Message
from distreamer.alerts.sender import PatientThread
from distreamer.alerts.template import check_body, filled
from distreamer.alerts.trust import Trust, TrustingAlertSettings
from distreamer.config.fields import Password, Secret, Words, check_http_url
from distreamer.config.redact import HIDDEN
from distreamer.config.wording import shown
from distreamer.errors import LinkError, PeerError

SIGNATURE = "DiStreamer-Signature"
LONGEST_ANSWER_BYTES = 2000
"""That is looked at of what a receiver says when he refuses."""
TOKEN_LENGTH = 8
"""A part of the address that is so long may be what must not be known, also where it is told alone."""


class WebhookSettings(TrustingAlertSettings):
    """Sends what happens to a web address, as JSON or as another receiver wants it.

    It is a POST, and told when it is answered with 200 to 299. docs/alerts.md has examples for ntfy, Slack, Mattermost,
    Telegram and programs of your own.
    """

    url: Annotated[
        str,
        AfterValidator(check_http_url),
        Words("an address that begins with http:// or https://"),
        Field(repr=False, examples=["https://hooks.example/T0/B0/secret"]),
        Secret(),
    ]
    """Where to. A user and a password in it (``https://user:password@…``) are sent as HTTP Basic. It is treated as a
    password, because whoever knows such an address may often send to it: only its host is ever shown."""

    secret: Annotated[Password, Field(max_length=200)] = ""
    """With this the receiver can tell that a message is yours: the header DiStreamer-Signature is ``t=``, the Unix
    time, ``,v1=``, and in hexadecimal the HMAC-SHA256, with this as key, of that time, a dot and the body. Empty: no
    such header."""

    body: Annotated[
        str,
        AfterValidator(check_body),
        Words("JSON, or a text, with places to fill in such as {text}"),
        Field(max_length=4000, examples=['{"text": "{text}"}']),
    ] = ""
    """What is sent. Empty: the whole event, as JSON. Otherwise JSON or a plain text in which ``{text}`` (all in one
    line), ``{title}`` (the same without the time), ``{sentence}``, ``{state}`` (problem, resolved, flapping or test),
    ``{kind}``, ``{severity}``, ``{instance}``, ``{subject}``, ``{time}`` and ``{number}`` are filled in."""


class Webhook:
    """A ``Sender``."""

    def __init__(self, settings: WebhookSettings, context: AlertContext) -> None:
        self._settings = settings
        self._clock = context.clock
        # As it was written: some receivers tell %2F from a slash.
        self._url = URL(settings.url, encoded=settings.url.isascii())
        self._peer = f"{self._url.host}:{self._url.port}"
        thread = PatientThread(context.thread, self._peer)
        self._trust = Trust(settings.cafile, thread)
        self._resolver = _Resolver(thread)

    @property
    def receiver(self) -> str:
        return f"webhook of {self._peer}"

    async def deliver(self, message: Message) -> str:
        """One POST; a redirection is not followed, for the signature and the address are this receiver's."""
        content_type, body = filled(self._settings.body, message)
        headers = {
            "Content-Type": content_type,
            "User-Agent": AGENT,
            "DiStreamer-Event": message.event.kind,
            "DiStreamer-State": message.stage.value,
        }
        if self._settings.secret:
            headers[SIGNATURE] = signature(self._settings.secret, int(self._clock.wall()), body)
        sent = asyncio.Event()
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._post(body, headers, sent)
        except TimeoutError as error:
            raise self._fault(unanswered(self._settings.timeout), sent) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise PeerError(self._peer, _certificate_words(error)) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise PeerError(self._peer, tls_fault(error.os_error)) from error
        except (aiohttp.ClientConnectionError, OSError, UnicodeError) as error:
            raise self._fault(_connection_words(error), sent) from error
        except aiohttp.ClientError as error:
            # The whole text of such an error has the address in it.
            said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
            raise PeerError(self._peer, f"answered what is no HTTP: {self._fit_to_show(said)}") from error

    async def _post(self, body: bytes, headers: dict[str, str], sent: asyncio.Event) -> str:
        connector = aiohttp.TCPConnector(
            ssl=await self._trust.context() if self._url.scheme == "https" else True, resolver=self._resolver
        )
        trace = aiohttp.TraceConfig()

        async def note_sent(*_: object) -> None:
            sent.set()

        trace.on_request_chunk_sent.append(note_sent)
        session = aiohttp.ClientSession(
            connector=connector, trace_configs=[trace], cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        async with session, session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
            words = f"{answer.status} {shown(answer.reason or '')}".rstrip()
            if 200 <= answer.status <= 299:
                return f"answered {words}"
            raise PeerError(self._peer, f"answered {words}{await self._explanation(answer)}")

    async def _explanation(self, answer: aiohttp.ClientResponse) -> str:
        """What the receiver says to it, when that is for people, and without what must not be shown."""
        if answer.content_type not in {"text/plain", "application/json"}:
            return ""
        said = self._fit_to_show((await answer.content.read(LONGEST_ANSWER_BYTES)).decode(errors="replace"))
        return f": {said}" if said else ""

    def _fit_to_show(self, said: str) -> str:
        """In one line, and without anything of the address but its host."""
        url = self._url
        whole = (self._settings.secret, url.user, url.password, url.raw_path_qs, url.path_qs, url.raw_path, url.path)
        parts = [part for part in (*url.raw_parts, *url.parts, *url.query.values()) if len(part) >= TOKEN_LENGTH]
        hidden = {text for text in (*whole, *parts) if text and text != "/"}
        for secret in sorted(hidden, key=len, reverse=True):
            said = said.replace(secret, HIDDEN)
        return shown(" ".join(said.split()))

    def _fault(self, reason: str, sent: asyncio.Event) -> LinkError | PeerError:
        """Of what has reached the receiver it is not known whether he took it: that is not tried again for a day."""
        return PeerError(self._peer, reason) if sent.is_set() else LinkError(self._peer, reason)


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of the header at Unix time ``at``."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _certificate_words(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return certificate_fault(cause) if isinstance(cause, ssl.SSLCertVerificationError) else "its certificate is wrong"


def _connection_words(error: Exception) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, socket.gaierror | UnicodeError):
        return lookup_fault(cause)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without an answer"
    if isinstance(cause, ConnectionResetError) and not cause.args:
        return "closed the connection when it was asked for TLS"  # asyncio has no words for it
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return f"cannot be reached: {os.strerror(cause.errno)}"  # asyncio's own words have all addresses in them
    return f"cannot be reached: {shown(str(cause)) or type(cause).__name__}"


class _Resolver(AbstractResolver):
    """Asks name servers in the alert's own thread: the threads that all share must not hang because of it."""

    def __init__(self, thread: PatientThread) -> None:
        self._thread = thread

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError when there is no such name, LinkError when the question before has not been answered yet."""
        look_up = partial(socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in await self._thread.do(look_up)
        ]

    async def close(self) -> None:
        """Nothing is open."""
