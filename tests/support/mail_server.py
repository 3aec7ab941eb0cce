"""A real mail server (aiosmtpd), with a login and encryption if wanted."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "studio@example.org", "geheim"


@dataclass
class Post:
    """What was taken."""

    refuses: dict[str, str] = field(default_factory=dict)
    """Answers to single receivers."""
    answer: str = "250 OK"
    """To a mail."""
    port: int = 0
    taken: list[tuple[Envelope, EmailMessage, bool]] = field(default_factory=list)
    """With whether somebody had logged in."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        letter = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        if self.answer.startswith("250"):
            self.taken.append((envelope, letter, bool(session.authenticated)))
        return self.answer


def _check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False, message=None if is_right else f"535 5.7.8 no: {PASSWORD}")


@asynccontextmanager
async def mail_server(
    post: Post, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, *, needs_login: bool = False
) -> AsyncIterator[Post]:
    """Takes mails on loopback until the block ends."""

    def conversation() -> SMTP:
        return SMTP(
            post,
            hostname="mail.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=needs_login,
            auth_require_tls=starttls is not None,
            authenticator=_check,
        )

    server = await asyncio.get_running_loop().create_server(conversation, "127.0.0.1", 0, ssl=tls)
    async with server:
        post.port = server.sockets[0].getsockname()[1]
        yield post
