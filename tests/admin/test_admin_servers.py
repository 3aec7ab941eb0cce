"""Which ADMIN shows which instances, also when their configurations change."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from distreamer.admin.servers import AdminServers
from distreamer.config.instance import InstanceConfig
from distreamer.config.loader import load_all
from distreamer.config.settings import GeneralSettings
from distreamer.errors import ConfigError
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import InstanceLog
from distreamer.runtime.modules import REGISTRY
from distreamer.runtime.reload import Member
from tests.support.admin_client import OWN, basic_auth
from tests.support.instances import free_port
from tests.support.listening_modules import until


def config(name: str, admin: str, password: str = "") -> InstanceConfig:
    keys = {"admin": admin, "adminpassword": password} if admin else {}
    general = GeneralSettings.model_validate({"statusseconds": 0, **keys})
    return InstanceConfig(name, None, general, (), ())


@asynccontextmanager
async def serving(*configs: InstanceConfig) -> AsyncIterator[tuple[AdminServers, list[Member], io.StringIO]]:
    console = io.StringIO()
    members = [Member(one, InstanceLog(one, console)) for one in configs]
    for member in members:
        member.instance = Instance(member.config, member.log.logger)
    servers = AdminServers(members)
    task = asyncio.create_task(servers.run())
    try:
        yield servers, members, console
    finally:
        task.cancel()
        await asyncio.wait({task})


async def names(port: int, password: str = "") -> list[str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/api/v1/status", headers=basic_auth(password)) as answer,
    ):
        assert answer.status == 200
        return [one["name"] for one in (await answer.json())["instances"]]


async def test_who_names_the_same_address_is_shown_together_and_others_apart() -> None:
    one, other = free_port(), free_port()
    configs = (
        config("a", f"127.0.0.1:{one}"),
        config("b", f"127.0.0.1:{other}", "geheim"),
        config("c", f"127.0.0.1:{one}"),
        config("d", ""),
    )
    async with serving(*configs) as (servers, _, _):
        await until(lambda: len([server for server in servers.servers if server.bound]) == 2)
        assert await names(one) == ["a", "c"]
        assert await names(other, "geheim") == ["b"]


async def test_who_logs_in_at_one_stays_logged_in_at_another() -> None:
    ports = free_port(), free_port()
    configs = [config(f"of {port}", f"127.0.0.1:{port}", "geheim") for port in ports]
    jar = aiohttp.CookieJar(unsafe=True)
    async with serving(*configs) as (servers, _, _), aiohttp.ClientSession(cookie_jar=jar) as page:
        await until(lambda: len([server for server in servers.servers if server.bound]) == 2)
        for port in ports:
            login = f"http://127.0.0.1:{port}/api/v1/session"
            async with page.post(login, json={"password": "geheim"}, headers=OWN) as answer:
                assert answer.status == 200
        for port in ports:
            async with page.get(f"http://127.0.0.1:{port}/api/v1/status") as answer:
                assert answer.status == 200


async def test_a_changed_configuration_moves_the_server_and_leaves_the_others() -> None:
    one, other = free_port(), free_port()
    async with serving(config("a", f"127.0.0.1:{one}"), config("b", f"127.0.0.1:{one}")) as (servers, members, _):
        await until(lambda: any(server.bound for server in servers.servers))
        (stays,) = servers.servers
        members[1].config = config("b", f"127.0.0.1:{other}")
        servers.changed()
        await until(lambda: len([server for server in servers.servers if server.bound]) == 2)
        assert servers.servers[0] is stays
        assert (await names(one), await names(other)) == (["a"], ["b"])
        before = servers.servers
        members[0].config = config("a", f"127.0.0.1:{one}", "neu")  # on the same port
        members[1].config = config("b", "")
        servers.changed()
        await until(lambda: any(server.bound for server in servers.servers if server not in before))
        assert await names(one, "neu") == ["a"]
        assert len(servers.servers) == 1


async def test_a_port_that_is_taken_is_told_and_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with serving(config("a", f"127.0.0.1:{port}")) as (servers, _, console):
            await until(lambda: "cannot listen on" in console.getvalue())
            taken.close()
            await until(lambda: servers.servers[0].bound is not None)
            assert await names(port) == ["a"]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ("ADMIN = 0.0.0.0:8090", "ADMINPASSWORD must be set: ADMIN = 0.0.0.0:8090 can be reached from other machines"),
        ("ADMIN = radio.example:8090", "ADMINPASSWORD must be set"),
        ("ADMIN = 127.0.0.1", "ADMIN = 127.0.0.1 must end with a colon and a port"),
        ("ADMIN = ::1:8090", "must begin with an address of this machine"),
        ("ADMIN = :8090", "must begin with an address of this machine"),
        ("ADMIN = 127.0.0.1:99999", "must end with a colon and a port from 0 to 65535"),
        ("ADMIN = 127.0.0.1:8090", ""),
        ("ADMIN = [::1]:8090", ""),
        ("ADMIN = localhost:0", ""),
        ("ADMIN = 0.0.0.0:8090\nADMINPASSWORD = geheim", ""),
    ],
)
def test_faults_are_told_in_words(tmp_path: Path, keys: str, sentence: str) -> None:
    file = tmp_path / "a.conf"
    file.write_text(f"[GENERAL]\n{keys}\n[INPUT]\nMODE = Silence\n[OUTPUT]\nMODE = ShoutcastServer\n")
    if not sentence:
        load_all([file], REGISTRY, {})
        return
    with pytest.raises(ConfigError) as caught:
        load_all([file], REGISTRY, {})
    assert len(caught.value.problems) == 1
    assert sentence in caught.value.problems[0]


def test_one_address_has_one_password(tmp_path: Path) -> None:
    files = []
    for name, password in (("a", "one"), ("b", "one"), ("c", "two")):
        file = tmp_path / f"{name}.conf"
        keys = f"ADMIN = 127.0.0.1:8090\nADMINPASSWORD = {password}"
        file.write_text(f"[GENERAL]\n{keys}\n[INPUT]\nMODE = Silence\n[OUTPUT]\nMODE = ShoutcastServer\n")
        files.append(file)
    with pytest.raises(ConfigError) as caught:
        load_all(files, REGISTRY, {})
    (problem,) = caught.value.problems
    assert problem.endswith("127.0.0.1:8090, and must have its ADMINPASSWORD")
    assert "two" not in problem
