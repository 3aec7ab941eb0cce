"""[ALERT] MODE = Mail: a mail for each message, through a mail server that takes it."""

from __future__ import annotations

import asyncio
import re
import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from distreamer.alerts.context import AlertContext
from distreamer.alerts.fault_words import certificate_fault, lookup_fault, tls_fault, unanswered
from distreamer.alerts.message import Message, Stage
from distreamer.alerts.sender import PatientThread
from distreamer.alerts.trust import Trust, TrustingAlertSettings
from distreamer.config.fields import Password, Words, is_loopback
from distreamer.config.redact import HIDDEN
from distreamer.config.wording import shown
from distreamer.errors import AuthenticationError, LinkError, PeerError

PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""Of mail servers, by TLS."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


def check_server(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it is no host."""
    try:
        ip_address(text)
    except ValueError:
        if not re.fullmatch(r"[^\s/@:]+", text):
            raise ValueError("must be the name of a mail server alone; its port stands in PORT") from None
    return text


def check_addresses(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it holds no mail addresses."""
    if not text or not all(_is_address(address) for address in addresses_in(text)):
        raise ValueError("must be a mail address such as anna@example.org, or several with commas between them")
    return text


def check_address(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it is not one mail address."""
    if len(addresses_in(text)) != 1:
        raise ValueError("must be one mail address such as studio@example.org")
    return check_addresses(text)


def addresses_in(text: str) -> list[str]:
    """Of ``Anna <anna@example.org>, ben@example.org`` the two addresses."""
    return [address for _, address in getaddresses([text])]


def _is_address(text: str) -> bool:
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError):
        return False
    return bool(address.username and address.domain)


class MailSettings(TrustingAlertSettings):
    """Sends a mail when a problem begins, and one when it has ended.

    Both are in one thread of the reader's mailbox. They are given to a mail server that takes them from you, such as
    that of your provider.
    """

    server: Annotated[
        str, AfterValidator(check_server), Words("the name of a mail server"), Field(examples=["smtp.example.org"])
    ]
    """The mail server."""

    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port. Empty: 587 with TLS = starttls, 465 with tls, 25 with none."""

    tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted. ``starttls``: it begins in the open, and nothing but that is said before it is
    encrypted. ``tls``: from the beginning. ``none``: not at all; then no PASSWORD is sent, but to this machine."""

    user: Annotated[str, Field(max_length=200)] = ""
    """As whom DiStreamer logs in. Empty: it does not, as with a mail server in your own network."""

    password: Annotated[Password, Field(max_length=200)] = ""
    """The password of USER."""

    from_: Annotated[
        str,
        AfterValidator(check_address),
        Words("a mail address"),
        Field(alias="from", examples=["DiStreamer <studio@example.org>"]),
    ]
    """From whom the mails come. Most servers take only the address of USER."""

    to: Annotated[
        str,
        AfterValidator(check_addresses),
        Words("mail addresses with commas between them"),
        Field(examples=["anna@example.org, ben@example.org"]),
    ]
    """Who gets them."""

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise ValueError("USER and PASSWORD must both be given, or neither")
        if not (self.user + self.password).isascii():
            raise ValueError(
                "USER and PASSWORD must have no letters such as ä or é: the login of mail servers takes none"
            )
        if self.password and self.tls == "none" and not is_loopback(self.server):
            raise ValueError("TLS = none would send PASSWORD unprotected; it may be starttls or tls")
        return self


class Mail:
    """A ``Sender``. smtplib is used in the alert's own thread."""

    def __init__(self, settings: MailSettings, context: AlertContext) -> None:
        self._settings = settings
        self._name = _NOT_IN_NAMES.sub("-", context.name)
        self._port = settings.port or PORTS[settings.tls]
        self._peer = f"{settings.server}:{self._port}"
        self._thread = PatientThread(context.thread, self._peer)
        self._trust = Trust(settings.cafile, self._thread)

    @property
    def receiver(self) -> str:
        return f"mail to {shown(', '.join(addresses_in(self._settings.to)))}"

    async def deliver(self, message: Message) -> str:
        """One mail to all."""
        attempt = _Attempt(self._settings, self._port, self._peer)
        try:
            async with asyncio.timeout(self._settings.timeout):
                tls = None if self._settings.tls == "none" else await self._trust.context()
                refused = await self._thread.do(partial(attempt.run, self._letter(message), tls))
        except TimeoutError as error:
            attempt.abort()
            raise attempt.fault(unanswered(self._settings.timeout)) from error
        return f"accepted by {self._peer}" + (f", but not for {shown(', '.join(refused))}" if refused else "")

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = message.title
        letter["From"] = self._settings.from_
        letter["To"] = self._settings.to
        letter["Date"] = format_datetime(datetime.fromtimestamp(message.event.at, UTC).astimezone())
        domain = Address(addr_spec=addresses_in(self._settings.from_)[0]).domain
        first = f"<distreamer.{message.problem}.{self._name}@{domain}>"
        if message.stage is Stage.RESOLVED:
            letter["Message-ID"] = f"<distreamer.{message.problem}.{message.event.number}.{self._name}@{domain}>"
            letter["In-Reply-To"] = letter["References"] = first
        else:
            letter["Message-ID"] = first
        letter["Auto-Submitted"] = "auto-generated"  # so that no absent reader's mailbox answers
        letter.set_content(message.letter)
        return letter


class _Attempt:
    """One conversation with a mail server, in a thread; ``abort`` and ``fault`` are for others."""

    def __init__(self, settings: MailSettings, port: int, peer: str) -> None:
        self._settings = settings
        self._port = port
        self._peer = peer
        self._smtp: smtplib.SMTP | None = None
        self._is_sent = False
        self._is_aborted = False

    def run(self, letter: EmailMessage, tls: ssl.SSLContext | None) -> list[str]:
        """Gives those of several receivers that the server did not take. Raises DiStreamerError."""
        try:
            return self._talk(letter, tls)
        except ssl.SSLCertVerificationError as error:
            raise PeerError(self._peer, certificate_fault(error)) from error
        except ssl.SSLError as error:
            raise PeerError(self._peer, tls_fault(error)) from error
        except smtplib.SMTPAuthenticationError as error:
            raise AuthenticationError(self._peer, f"refused USER and PASSWORD: {self._said(error)}") from error
        except smtplib.SMTPRecipientsRefused as error:
            (code, said), *_ = error.recipients.values()
            raise PeerError(self._peer, f"took no receiver: {self._words(code, said)}") from error
        except smtplib.SMTPServerDisconnected as error:
            raise self.fault("closed the connection") from error
        except smtplib.SMTPResponseException as error:
            raise PeerError(self._peer, f"answered {self._said(error)}") from error
        except smtplib.SMTPException as error:  # what it does not offer
            raise PeerError(self._peer, shown(str(error))) from error
        except (socket.gaierror, UnicodeError) as error:
            raise self.fault(lookup_fault(error)) from error
        except OSError as error:
            raise self.fault(f"cannot be reached: {error.strerror or error}") from error
        finally:
            if self._smtp is not None:
                self._smtp.close()

    def abort(self) -> None:
        """Ends it from outside: what the thread waits for does not come any more, and where it waits for what cannot be
        ended, such as a name server, it sends nothing afterwards."""
        self._is_aborted = True
        connection = self._smtp.sock if self._smtp is not None else None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def fault(self, reason: str) -> LinkError | PeerError:
        """Of what has reached the server it is not known whether he took it: that is not tried again for a day."""
        return PeerError(self._peer, reason) if self._is_sent else LinkError(self._peer, reason)

    def _talk(self, letter: EmailMessage, tls: ssl.SSLContext | None) -> list[str]:
        settings = self._settings
        # Its own way to this machine's name asks name servers.
        name = socket.gethostname() if "." in socket.gethostname() else "[127.0.0.1]"
        if settings.tls == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=name, timeout=settings.timeout, context=tls)
        else:
            smtp = smtplib.SMTP(local_hostname=name, timeout=settings.timeout)
        # The name on the certificate: smtplib takes it from the constructor alone, which would connect before the
        # attempt could be aborted.
        smtp._host = settings.server  # type: ignore[attr-defined]
        self._smtp = smtp
        code, said = smtp.connect(settings.server, self._port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if settings.tls == "starttls":
            smtp.starttls(context=tls)
        if settings.user:
            smtp.login(settings.user, settings.password)
        # In this order: who aborts it sees that it was sent, or it is not.
        self._is_sent = True
        if self._is_aborted:
            raise LinkError(self._peer, "was reached when nobody waited any more")
        refused = smtp.send_message(letter)
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        return [f"{address} ({self._words(code, said)})" for address, (code, said) in refused.items()]

    def _said(self, error: smtplib.SMTPResponseException) -> str:
        return self._words(error.smtp_code, error.smtp_error)

    def _words(self, code: int, said: bytes | str) -> str:
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        if self._settings.password:
            text = text.replace(self._settings.password, HIDDEN)
        return shown(f"{code} {' '.join(text.split())}")
