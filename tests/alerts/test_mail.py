"""MODE = Mail against a real mail server."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pydantic import ValidationError

from distreamer.alerts.mail import Mail, MailSettings
from distreamer.alerts.message import Message, Stage
from distreamer.errors import AuthenticationError, LinkError, PeerError
from tests.support.alerts import alert_context, began, ended, told
from tests.support.certificates import Certificate, make_certificate
from tests.support.mail_server import PASSWORD, USER, Post, mail_server


def mail(port: int, /, **keys: object) -> Mail:
    given = {
        "mode": "Mail",
        "server": "localhost",
        "port": port,
        "tls": "none",
        "from": "Studio <studio@example.org>",
        "to": "Anna <anna@example.org>, ben@example.org",
        "timeout": 60,
        **keys,
    }
    return Mail(MailSettings.model_validate(given), alert_context("alert night"))


def encrypted(certificate: Certificate, **keys: object) -> dict[str, object]:
    return {"tls": "starttls", "cafile": str(certificate.certificate), "user": USER, "password": PASSWORD, **keys}


async def test_a_problem_and_its_end_are_one_thread_in_the_mailbox() -> None:
    down = began(sentence="die Leitung ist weg – wörtlich", carrier="quic")
    up = ended(down)
    async with mail_server(Post()) as post:
        one = mail(post.port)
        assert one.receiver == "mail to anna@example.org, ben@example.org"
        assert await one.deliver(told(down)) == f"accepted by localhost:{post.port}"
        await one.deliver(Message(Stage.RESOLVED, up, down.number))
    (envelope, first, _), (_, second, _) = post.taken
    assert envelope.mail_from == "studio@example.org"
    assert envelope.rcpt_tos == ["anna@example.org", "ben@example.org"]
    assert first["Subject"] == "[problem] studio: die Leitung ist weg – wörtlich"
    assert first["From"] == "Studio <studio@example.org>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime.timestamp() == down.at
    assert first["Message-ID"] == f"<distreamer.{down.number}.alert-night@example.org>"
    text = first.get_content().replace("\r\n", "\n")
    assert text.startswith("die Leitung ist weg – wörtlich.\n")
    assert "carrier: quic" in text
    assert second["Subject"] == "[resolved] studio: link_down ended (after 22 s)"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["Message-ID"] != first["Message-ID"]


async def test_starttls_and_a_login(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with mail_server(Post(), starttls=certificate.server_context(), needs_login=True) as post:
        assert await mail(post.port, **encrypted(certificate)).deliver(told(began())) == (
            f"accepted by localhost:{post.port}"
        )
        assert [logged_in for _, _, logged_in in post.taken] == [True]
        with pytest.raises(AuthenticationError) as caught:
            await mail(post.port, **encrypted(certificate, user="somebody")).deliver(told(began()))
        assert caught.value.reason == "refused USER and PASSWORD: 535 5.7.8 no: ***"
        with pytest.raises(PeerError, match="answered 530 "):
            await mail(post.port).deliver(told(began()))
    assert len(post.taken) == 1


async def test_tls_from_the_beginning(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with mail_server(Post(), tls=certificate.server_context()) as post:
        keys = encrypted(certificate, tls="tls", user="", password="")
        await mail(post.port, **keys).deliver(told(began()))
    assert len(post.taken) == 1


async def test_certificates_are_verified(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with mail_server(Post(), starttls=certificate.server_context()) as post:
        with pytest.raises(PeerError, match="its certificate is not valid: self-signed certificate"):
            await mail(post.port, tls="starttls").deliver(told(began()))
        with pytest.raises(PeerError, match="its certificate is not valid: IP address mismatch"):
            await mail(post.port, **encrypted(certificate, server="127.0.0.1")).deliver(told(began()))
    assert post.taken == []


async def test_a_server_without_starttls_is_told_nothing(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with mail_server(Post()) as post:
        with pytest.raises(PeerError, match="STARTTLS"):
            await mail(post.port, **encrypted(certificate)).deliver(told(began()))
        with pytest.raises(PeerError, match="does not speak TLS as expected"):
            await mail(post.port, **encrypted(certificate, tls="tls")).deliver(told(began()))
    assert post.taken == []


async def test_who_is_refused_is_named() -> None:
    async with mail_server(Post(refuses={"ben@example.org": "550 no such user"})) as post:
        said = await mail(post.port).deliver(told(began()))
        assert said == f"accepted by localhost:{post.port}, but not for ben@example.org (550 no such user)"
        with pytest.raises(PeerError, match=r"took no receiver: 550 no such user"):
            await mail(post.port, to="ben@example.org").deliver(told(began()))
    assert len(post.taken) == 1


async def test_a_server_that_refuses_the_mail() -> None:
    async with mail_server(Post(answer="451 come back later")) as post:
        with pytest.raises(PeerError, match="answered 451 come back later"):
            await mail(post.port).deliver(told(began()))


async def test_what_cannot_be_reached_is_the_networks_fault() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(LinkError, match="cannot be reached: Connection refused"):
            await mail(taken.getsockname()[1], server="127.0.0.1").deliver(told(began()))


async def test_a_server_that_says_nothing_is_left_and_its_thread_too() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=5) as silent:
        one = mail(silent.getsockname()[1], server="127.0.0.1", timeout=1)
        for _ in range(2):
            with pytest.raises(
                LinkError, match=r"has not answered within 1 s|has not answered the question before yet"
            ):
                await one.deliver(told(began()))


async def test_what_was_given_up_is_not_sent_when_a_name_server_answers_at_last() -> None:
    answered, connect = threading.Event(), socket.create_connection

    def connect_late(*given: Any, **keys: Any) -> socket.socket:
        answered.wait(60)
        return connect(*given, **keys)

    async with mail_server(Post()) as post:
        one = mail(post.port, timeout=1)
        with patch("smtplib.socket.create_connection", connect_late):
            with pytest.raises(LinkError, match="has not answered within 1 s"):
                await one.deliver(told(began()))
            answered.set()
            async with asyncio.timeout(60):
                while True:  # until the thread is free
                    try:
                        await one.deliver(told(began(sentence="the second")))
                    except LinkError as error:
                        assert "has not answered" in str(error)  # noqa: PT017 - it need not be raised
                        await asyncio.sleep(0.01)
                    else:
                        break
    # What was given up may have been taken all the same, when it had been sent already: then it comes once more.
    assert {letter["Subject"] for _, letter, _ in post.taken} == {"[problem] studio: the second"}


async def test_a_server_that_is_no_name_is_told_as_that() -> None:
    with pytest.raises(LinkError, match="the name cannot be looked up: it is none"):
        await mail(25, server="smtp..example.org").deliver(told(began()))


def test_a_login_that_cannot_be_sent_is_told_at_once() -> None:
    with pytest.raises(ValidationError, match="USER and PASSWORD must have no letters such as ä"):
        mail(25, tls="tls", user="studio@example.org", password="grün")


async def test_a_server_that_drips_is_cut_off() -> None:
    gone = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.create_task(reader.read())
        while not end.done():
            writer.write(b"220-wait\r\n")  # often enough for any limit on a single read
            await asyncio.wait({end}, timeout=0.05)
        gone.set()
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        one = mail(server.sockets[0].getsockname()[1], server="127.0.0.1", timeout=1)
        with pytest.raises(LinkError, match="has not answered within 1 s"):
            await one.deliver(told(began()))
        async with asyncio.timeout(60):
            await gone.wait()
