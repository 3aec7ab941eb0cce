"""An ADMIN on a free port, with a running instance behind it, and a client that asks it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from distreamer.admin.servers import AdminServers
from distreamer.config.instance import InstanceConfig
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import InstanceLog
from distreamer.runtime.reload import Member
from tests.support.changing_instance import LiveSettings, configured, players_server, running
from tests.support.listening_modules import until

PASSWORD = "geheim"
OWN = {"X-DiStreamer-Request": "1"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """The sentence of a problem."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return str(self.json["detail"])


@dataclass
class Operator:
    """Asks an ADMIN."""

    servers: AdminServers
    members: list[Member]
    session: aiohttp.ClientSession
    password: str
    console: io.StringIO = field(default_factory=io.StringIO)

    @property
    def address(self) -> tuple[str, int]:
        (server,) = self.servers.servers
        assert server.bound is not None
        return server.bound

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    @property
    def instance(self) -> Instance:
        found = self.members[0].instance
        assert found is not None
        return found

    async def ask(self, path: str, method: str = "GET", password: str | None = None, **more: Any) -> Answer:
        """``path`` is taken as it is written; an empty ``password`` is none, None the right one."""
        headers = {**basic_auth(self.password if password is None else password), **more.pop("headers", {})}
        more["headers"] = headers
        async with self.session.request(method, URL(self.url + path, encoded=True), **more) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def send(self, data: bytes) -> bytes:
        """Whatever comes back for these bytes until the server closes, or says nothing for a moment."""
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(data)
            async with asyncio.timeout(60):
                return await reader.read(100_000)
        finally:
            writer.close()


def basic_auth(password: str, user: str = "anybody") -> dict[str, str]:
    """The header; none for an empty password."""
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"} if password else {}


def admin_config(password: str = "", **general: object) -> InstanceConfig:
    """A made-up input and a server of players; the buffer of 10 s fills."""
    return _config(LiveSettings(title="Song"), {"adminpassword": password, **general})


def playing_config(password: str = "", **general: object) -> InstanceConfig:
    """The same, and it plays at once: the input brings half a minute when it begins."""
    return _config(LiveSettings(title="Song", lead=30), {"adminpassword": password, **general})


def _config(source: LiveSettings, general: dict[str, object]) -> InstanceConfig:
    keys = {"admin": "127.0.0.1:0", **general}
    return configured(("input", source), ("output", players_server()), **keys)


@asynccontextmanager
async def operating(config: InstanceConfig | None = None, folder: Path | None = None) -> AsyncIterator[Operator]:
    """Until the block ends; in ``folder`` it leaves a note of where it is."""
    config = config or admin_config()
    console = io.StringIO()
    async with running(config) as station, aiohttp.ClientSession() as session:
        members = [Member(config, InstanceLog(config, console), station.instance)]
        servers = AdminServers(members, folder)
        task = asyncio.create_task(servers.run())
        try:
            await until(lambda: any(server.bound for server in servers.servers))
            yield Operator(servers, members, session, config.general.adminpassword, console)
        finally:
            task.cancel()
            await asyncio.wait({task})
