"""Who is let in, and who counts; players behind proxies, and players that need another framing. In virtual time."""

from __future__ import annotations

import asyncio
import base64
from xml.etree import ElementTree

import pytest

from distreamer.outputs.audience import AGENT_CHARACTERS, PROBE_SECONDS
from distreamer.outputs.fan_out import SLOT_SECONDS, SLOTS
from tests.support.chunked import unchunked
from tests.support.player_stage import Stage, audio, stage
from tests.support.virtual_time import virtual_time

PROBE = b"GET / HTTP/1.1\r\nUser-Agent: AppleCoreMedia/1.0\r\nRange: bytes=0-1\r\n\r\n"
OPERATOR = b"Authorization: Basic " + base64.b64encode(b"admin:secret") + b"\r\n"


def asking(*fields: str, path: str = "/", method: str = "GET", version: str = "1.0") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", *fields, "", ""]).encode()


def forwarded(address: str, *fields: str) -> bytes:
    return asking(f"X-Forwarded-For: {address}", *fields)


def status_of(data: bytes) -> int:
    return int(data.split(b" ", 2)[1])


def clients(one: Stage) -> list[dict[str, str]]:
    """What /admin/listclients shows."""
    player = one.player(b"GET /admin/listclients HTTP/1.0\r\n" + OPERATOR + b"\r\n")
    tree = ElementTree.fromstring(player.body)
    return [{child.tag: child.text or "" for child in listener} for listener in tree.iter("listener")]


@virtual_time(60)
async def test_no_more_than_so_many_listen_from_one_address() -> None:
    async with stage(maxperaddress=2) as one:
        await one.start()
        first, second, third = (one.player(address="203.0.113.5") for _ in range(3))
        assert [status_of(player.data) for player in (first, second, third)] == [200, 200, 403]
        assert third.body == b"Too many listeners at your address\n"
        assert third.is_closed
        assert status_of(one.player(address="203.0.113.6").data) == 200
        assert (one.counters.connected, one.counters.unique, one.counters.refused_per_address) == (3, 2, 1)
        first.abort()
        await asyncio.sleep(0.01)
        assert status_of(one.player(address="203.0.113.5").data) == 200


@virtual_time(60)
async def test_in_ipv6_a_network_of_64_bits_is_one_address() -> None:
    async with stage(maxperaddress=1) as one:
        await one.start()
        answers = [one.player(address=address).data for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")]
        assert [status_of(data) for data in answers] == [200, 403, 200]


@virtual_time(60)
async def test_by_default_everybody_may_come_from_one_address() -> None:
    async with stage() as one:
        await one.start()
        assert {status_of(one.player().data) for _ in range(300)} == {200}
        assert (one.counters.connected, one.counters.unique) == (300, 1)


@virtual_time(60)
async def test_refusals_of_a_full_server_are_counted() -> None:
    async with stage(maxlisteners=1) as one:
        await one.start()
        one.player()
        assert status_of(one.player().data) == 503
        assert status_of(one.player(asking(method="HEAD")).data) == 503
        assert one.counters.refused_full == 1, "HEAD wants no place"
        assert one.counters.served == 1


@virtual_time(60)
async def test_head_takes_no_place() -> None:
    async with stage(maxlisteners=1) as one:
        await one.start()
        assert [status_of(one.player(asking(method="HEAD")).data) for _ in range(3)] == [200] * 3
        assert (one.counters.connected, one.counters.served) == (0, 0)
        assert status_of(one.player().data) == 200


@virtual_time(60)
async def test_safari_s_look_at_the_first_bytes_is_no_listener() -> None:
    """Safari and iOS ask for two bytes, go away, and come again to listen (karlheyes/icecast-kh#400)."""
    async with stage(maxperaddress=1) as one:
        await one.start()
        look = one.player(PROBE)
        assert status_of(look.data) == 200
        assert look.body, "it gets the stream"
        listener = one.player()
        assert status_of(listener.data) == 200, "the look took its place"
        look.abort()
        await asyncio.sleep(0.01)
        assert (one.counters.connected, one.counters.peak, one.counters.served) == (1, 1, 1)
        await one.live(round(PROBE_SECONDS) + 2)
        assert (one.counters.connected, one.counters.served) == (1, 1)


@virtual_time(60)
async def test_who_goes_on_listening_behind_its_look_is_one() -> None:
    async with stage(adminpassword="secret") as one:
        await one.start()
        player = one.player(PROBE)
        await one.live(1)
        assert one.counters.connected == 0
        assert clients(one) == []
        await one.live(round(PROBE_SECONDS) + 1)
        assert (one.counters.connected, one.counters.served) == (1, 1)
        assert one.health.detail.startswith("1 listener on ")
        assert len(clients(one)) == 1
        player.abort()
        await asyncio.sleep(0.01)
        assert one.counters.connected == 0


@virtual_time(60)
async def test_a_look_is_no_way_around_the_limits() -> None:
    async with stage(maxperaddress=1) as one:
        await one.start()
        looks = [one.player(PROBE) for _ in range(3)]
        await one.live(round(PROBE_SECONDS) + 2)
        assert [player.is_closed for player in looks] == [False, True, True]
        assert (one.counters.connected, one.counters.refused_per_address) == (1, 2)
        assert status_of(one.player(PROBE).data) == 403


@virtual_time(60)
async def test_the_operator_sees_who_listens() -> None:
    async with stage(adminpassword="secret") as one:
        await one.start()
        one.player(asking("User-Agent: first\x01\tBär"), address="203.0.113.5")
        await one.live(7)
        one.player(asking("User-Agent: " + "x" * 1000), address="2001:db8::1")
        assert clients(one) == [
            {"IP": "203.0.113.5", "UserAgent": "first  Bär", "Connected": "7", "ID": "1"},
            {"IP": "2001:db8::1", "UserAgent": "x" * AGENT_CHARACTERS, "Connected": "0", "ID": "2"},
        ]


@virtual_time(60)
async def test_a_wrong_password_of_the_operator_s_is_counted_and_logged() -> None:
    async with stage(adminpassword="secret") as one:
        guess = base64.b64encode(b"admin:guess").decode()
        player = one.player(asking(f"Authorization: Basic {guess}", path="/admin/listclients"))
        assert status_of(player.data) == 401
        assert one.counters.refused_password == 1
        (entry,) = [entry for entry in one.log.entries if entry["event"] == "a wrong password was given"]
        assert (entry["peer"], "guess" in str(entry)) == ("192.0.2.1:50000", False)


@virtual_time(60)
async def test_behind_a_trusted_proxy_the_player_s_own_address_counts() -> None:
    async with stage(maxperaddress=1, trustedproxies="192.0.2.0/24", adminpassword="secret") as one:
        await one.start()
        requests = [forwarded(address) for address in ("203.0.113.5", "203.0.113.6", "203.0.113.5")]
        assert [status_of(one.player(data).data) for data in requests] == [200, 200, 403]
        assert [client["IP"] for client in clients(one)] == ["203.0.113.5", "203.0.113.6"]
        joined = [entry["peer"] for entry in one.log.entries if entry["event"] == "listener joined"]
        assert joined == ["203.0.113.5", "203.0.113.6"]
        playlist = one.player(asking("X-Forwarded-Proto: https", "X-Forwarded-Host: radio.example", path="/listen.m3u"))
        assert playlist.body.endswith(b"\nhttps://radio.example/stream.mp3\r\n")


@virtual_time(60)
@pytest.mark.parametrize("trusted", ["", "203.0.113.0/24"])
async def test_nobody_else_can_say_whose_address_it_has(trusted: str) -> None:
    async with stage(maxperaddress=1, trustedproxies=trusted, adminpassword="secret") as one:
        await one.start()
        answers = [one.player(forwarded(address)).data for address in ("198.51.100.1", "198.51.100.2")]
        assert [status_of(data) for data in answers] == [200, 403]
        assert [client["IP"] for client in clients(one)] == ["192.0.2.1"]
        playlist = one.player(asking("Host: here", "X-Forwarded-Host: evil.example", path="/listen.m3u"))
        assert playlist.body.endswith(b"\nhttp://here/stream.mp3\r\n")


@virtual_time(60)
async def test_a_player_that_needs_chunks_gets_the_same_audio_in_them() -> None:
    async with stage(burstseconds=2, body="none, Sonos: chunked") as one:
        await one.start()
        await one.live(3)
        sonos = one.player(asking("User-Agent: Linux UPnP/1.0 Sonos/57", version="1.1"))
        other = one.player(asking("User-Agent: VLC", version="1.1"))
        titled = one.player(asking("User-Agent: Sonos", "Icy-MetaData: 1", version="1.1"))
        await one.live(3)
        await asyncio.sleep(SLOTS * SLOT_SECONDS / 2)
        assert sonos.data.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nTransfer-Encoding: chunked\r\n" in sonos.data
        assert b"\r\nConnection: close\r\n" in sonos.data
        assert unchunked(sonos.body) == (audio(3, 7), False)
        assert other.data.startswith(b"HTTP/1.0 200 OK\r\n")
        assert other.body == unchunked(sonos.body)[0]
        assert b"chunked" not in titled.data.partition(b"\r\n\r\n")[0]
    assert unchunked(sonos.body) == (audio(3, 7), True), "it was not told that the stream ended"


@virtual_time(120)
async def test_a_slow_player_in_chunks_catches_up() -> None:
    async with stage(burstseconds=0, body="chunked") as one:
        await one.start()
        player = one.player(asking(version="1.1"), room=1000)
        await one.live(20)
        player.takes(1 << 30)
        await one.live(2)
        assert unchunked(player.body) == (audio(2, 23), False)


@virtual_time(60)
async def test_a_player_that_waits_for_a_length_gets_one() -> None:
    async with stage(burstseconds=1, body="length") as one:
        await one.start()
        player = one.player(asking("Icy-MetaData: 1"))
        assert b"\r\nContent-Length: 2147483647\r\n" in player.data
        assert b"\r\nicy-metaint: 16000\r\n" in player.data
        await one.live(2)
        assert not player.is_closed


@virtual_time(60)
async def test_ordinary_players_are_sent_the_shared_object_itself() -> None:
    async with stage(burstseconds=0, body="none, Sonos: chunked") as one:
        await one.start()
        first, second = one.player(), one.player()
        await one.live(2)
        assert first.taken[1] is second.taken[1]
