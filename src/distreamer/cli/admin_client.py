"""Asks ADMINs how their instances are."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from pydantic import ValidationError

from distreamer import AGENT
from distreamer.cli.seen import SeenStatus
from distreamer.cli.status import PASSWORD_VARIABLE
from distreamer.cli.targets import Target
from distreamer.config.wording import shown
from distreamer.transport.tcp import spoken_fault

ANSWER_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 20_000_000
USER = "operator"
NOT_ADMIN = "what answers there is not the ADMIN of a DiStreamer 3"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking; either ``status`` or ``trouble``."""

    target: Target
    status: SeenStatus | None = None
    trouble: str = ""
    """Why it could not be asked, in plain words."""
    is_refused: bool = False
    """Whether that was for want of the password: asking again, and again, would look like guessing."""
    is_away: bool = False
    """Whether nobody takes connections there."""


class _RefusedError(Exception):
    """Why there is no status, in plain words."""

    def __init__(self, reason: str, *, is_refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_refused = is_refused


async def ask_all(targets: Sequence[Target], seconds: float = ANSWER_SECONDS) -> list[Answer]:
    """All at the same time, each for at most ``seconds``."""
    async with client_session() as session:
        return list(await asyncio.gather(*(ask(session, target, seconds) for target in targets)))


def client_session() -> aiohttp.ClientSession:
    """Made in the event loop."""
    return aiohttp.ClientSession(headers={"User-Agent": AGENT})


async def ask(session: aiohttp.ClientSession, target: Target, seconds: float = ANSWER_SECONDS) -> Answer:
    """Never raises for what the other side, or the way to it, does."""
    if target.trouble:
        return Answer(target, trouble=target.trouble)
    try:
        async with asyncio.timeout(seconds):
            return Answer(target, await _status(session, target))
    except _RefusedError as refusal:
        return Answer(target, trouble=refusal.reason, is_refused=refusal.is_refused)
    except TimeoutError:
        return Answer(target, trouble=f"no answer within {seconds:g} s")
    except aiohttp.ClientConnectorCertificateError as error:
        return Answer(target, trouble=spoken_fault(error.certificate_error))
    except aiohttp.ClientConnectorError as error:
        return Answer(target, trouble=spoken_fault(error.os_error), is_away=True)
    except aiohttp.ServerDisconnectedError:
        return Answer(target, trouble="the other side closed the connection")
    except (aiohttp.InvalidURL, UnicodeError):
        return Answer(target, trouble="this is no address that can be asked")
    except (aiohttp.ClientError, OSError) as error:
        words = spoken_fault(error) if isinstance(error, OSError) else NOT_ADMIN
        return Answer(target, trouble=words)


async def _status(session: aiohttp.ClientSession, target: Target) -> SeenStatus:
    """Raises _RefusedError for any other answer."""
    parts = urlsplit(target.url)
    url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/api/v1/status", "", ""))
    encoded = base64.b64encode(f"{USER}:{target.password}".encode()).decode()
    headers = {"Authorization": f"Basic {encoded}"} if target.password else {}
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        body = await _read(response)
        if response.status != 200:
            words = _refusal_words(response, body, bool(target.password))
            raise _RefusedError(words, is_refused=response.status in {401, 429})
    try:
        told = json.loads(body)
        return SeenStatus.model_validate({**told, "raw": told["instances"]})
    except (ValueError, TypeError, LookupError, ValidationError, RecursionError):
        raise _RefusedError(NOT_ADMIN) from None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > LARGEST_ANSWER_BYTES:
            raise _RefusedError(NOT_ADMIN)
    return bytes(body)


def _refusal_words(response: aiohttp.ClientResponse, body: bytes, had_password: bool) -> str:
    if response.status == 401:
        if had_password:
            return "the password is wrong"
        return f"it needs a password: name its file instead of the address, or set {PASSWORD_VARIABLE}"
    if response.content_type == "application/problem+json":
        try:
            return shown(str(json.loads(body)["detail"])).rstrip(".")
        except (ValueError, TypeError, LookupError, RecursionError):
            pass
    return NOT_ADMIN
