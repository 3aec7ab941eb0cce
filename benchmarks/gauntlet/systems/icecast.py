"""Icecast at B: as a relay of the studio's server, and as the place where players listen to other ways."""

from __future__ import annotations

import os

from benchmarks.gauntlet.systems.system import PLAYER_PORT, SOURCE_PORT, Listening, Order, Program, missing
from benchmarks.listeners.servers import CHANGE_OWNER, ICECAST_FOLDER
from distreamer.demo.programme_server import MOUNT

PASSWORD = "loopback-only"
RELAY_MOUNT = "/relay.mp3"
FED_MOUNT = "/fed.mp3"
_CONFIG = """<icecast>
 <limits><sources>4</sources><clients>100</clients><queue-size>1048576</queue-size><burst-size>{burst}</burst-size>
  <source-timeout>10</source-timeout></limits>
 <authentication><source-password>{password}</source-password><admin-user>admin</admin-user>
  <admin-password>{password}</admin-password></authentication>
 <hostname>localhost</hostname>
 <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
 {relay}
 <paths><basedir>{data}</basedir><webroot>{data}/web</webroot><adminroot>{data}/admin</adminroot><logdir>/tmp</logdir>
 </paths>
 <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>3</loglevel></logging>
 <security><chroot>0</chroot>{change_owner}</security>
</icecast>
"""
_RELAY = (
    "<relay><server>{server}</server><port>{port}</port><mount>{mount}</mount><local-mount>{local}</local-mount>"
    "<on-demand>0</on-demand><relay-shoutcast-metadata>1</relay-shoutcast-metadata></relay>"
)
_BURST_SECONDS = 4
"""Icecast's own default at 128 kbit/s."""
ICECAST = ("icecast2", "icecast2")


def icecast_at_b(order: Order, relay_of: str | None = None) -> Program:
    """An Icecast for the players, which is a relay of the studio's server when ``relay_of`` names that."""
    relay = _RELAY.format(server=relay_of, port=SOURCE_PORT, mount=MOUNT, local=RELAY_MOUNT) if relay_of else ""
    config = order.folder / "icecast.xml"
    config.write_text(
        _CONFIG.format(
            password=PASSWORD,
            port=PLAYER_PORT,
            relay=relay,
            data=ICECAST_FOLDER,
            burst=order.kilobits * 125 * _BURST_SECONDS,
            change_owner=CHANGE_OWNER if os.getuid() == 0 else "",
        )
    )
    config.chmod(0o644)
    return Program("icecast", "b", ("icecast2", "-c", str(config)))


class IcecastRelay:
    """What most stations do."""

    name = "Icecast relay"
    words = "Icecast at B relays the studio's server, always on; it has no buffer but the players' own"
    has_titles = True
    sides = "b"

    def why_not(self) -> str:
        return missing(ICECAST)

    def programs(self, order: Order) -> list[Program]:
        return [icecast_at_b(order, order.host_of_a)]

    def listening(self, order: Order) -> Listening:
        return Listening(path=RELAY_MOUNT)
