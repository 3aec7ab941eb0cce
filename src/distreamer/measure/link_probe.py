"""Finds out how bad the link to another DiStreamer is, without disturbing who uses it.

It is a receiver of its own that asks for one fragment in four. QUIC and TCP are looked at beside one another; the
programme comes over QUIC when that works.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from distreamer import __version__
from distreamer.core.ports import Clock
from distreamer.errors import AuthenticationError, LinkError, PeerError
from distreamer.measure.carrier_probe import CarrierProbe
from distreamer.measure.delay_advice import advise
from distreamer.measure.early_end import unless_ended
from distreamer.measure.link_report import CarrierReport, LinkReport
from distreamer.protocol.native.handshake import PROBE_AGENT, Identity
from distreamer.sessions.native_carriers import Dials, Transport, dialling, pace_of_answers
from distreamer.transport.local_end import LocalEnd

AGENT = f"{PROBE_AGENT}{__version__}"
REACH_SECONDS = 9.0
"""For a carrier to come up; on a bad link several attempts."""
NEEDS_PASSWORD = (
    "is a DiStreamer with a PASSWORD: name the CONF that holds it, or put it into the address, as in "
    "http://:password@pc-a.example.org:7080"
)

Tell = Callable[[str], None]
"""Is told what is being done, in a few words."""


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """A link as a configuration describes it."""

    name: str
    """For people."""
    url: str
    """http:// or https://, without a password."""
    password: str = ""
    transport: Transport = Transport.AUTO
    verify_tls: bool = True
    fingerprint: str = ""
    proxy: str = ""
    local_end: LocalEnd | None = None
    delay_seconds: float | None = None
    """DELAY as it is configured; None when that is not known."""

    @property
    def peer(self) -> str:
        """``host:port``."""
        return self.url.partition("://")[2].partition("/")[0]


class LinkProbe:
    """``run`` once."""

    def __init__(self, target: LinkTarget, clock: Clock, log: FilteringBoundLogger, tell: Tell) -> None:
        self._target = target
        self._clock = clock
        self._log = log
        self._tell = tell

    async def run(self, seconds: float, ended: asyncio.Event) -> LinkReport | None:
        """Looks for ``seconds``, or until ``ended`` is set; None when that was before there was anything to look at.
        Raises AuthenticationError for a wrong password, which is tried once only, and OtherWireError, PeerError or
        LinkError when there is no DiStreamer 3 to talk to."""
        async with self._dialling() as dials:
            identity = Identity(secrets.token_hex(8), AGENT)
            tcp = CarrierProbe(dials.dial, self._target, identity, self._clock)
            quic = CarrierProbe(dials.better, self._target, identity, self._clock)
            if self._target.transport is Transport.QUIC:
                tcp, quic = quic, tcp
            jobs: list[asyncio.Task[None]] = []
            try:
                self._tell("tries TCP and QUIC")
                await unless_ended(self._reach((tcp, quic), jobs), ended)
                if ended.is_set():
                    return None
                used = self._used(tcp, quic)
                self._tell(f"looks at the link for {seconds:g} s")
                began = self._clock.now()
                used.ask()
                await unless_ended(asyncio.sleep(seconds), ended)
                looked = self._clock.now() - began
            finally:
                for job in jobs:
                    job.cancel()
                ends = await asyncio.gather(*jobs, return_exceptions=True)
            for defect in ends:
                if isinstance(defect, Exception):
                    raise defect
        return self._report(tcp, quic, used, looked)

    async def _reach(self, carriers: Sequence[CarrierProbe], jobs: list[asyncio.Task[None]]) -> None:
        """Starts those that work; they go on as ``jobs``. One after the other: a password is proven by the second
        only when it was right for the first."""
        for carrier in carriers:
            job = asyncio.create_task(carrier.run(), name="carrier")
            jobs.append(job)
            await carrier.reached(REACH_SECONDS)
            if job.done():
                job.result()  # raises what is no matter of the link, such as a password that cannot be used
            elif not carrier.is_reached:
                job.cancel()
            if isinstance(carrier.fault, AuthenticationError):
                raise carrier.fault if self._target.password else AuthenticationError(self._target.peer, NEEDS_PASSWORD)

    def _dialling(self) -> contextlib.AbstractAsyncContextManager[Dials]:
        target = self._target
        return dialling(
            target.url,
            target.transport,
            pace_of_answers(),
            self._log,
            verify_tls=target.verify_tls,
            fingerprint=target.fingerprint,
            proxy=target.proxy,
            local_end=target.local_end,
        )

    @staticmethod
    def _used(tcp: CarrierProbe, quic: CarrierProbe) -> CarrierProbe:
        for carrier in (quic, tcp):
            if carrier.is_reached:
                return carrier
        faults = [carrier.fault for carrier in (tcp, quic) if carrier.fault is not None]
        faults.append(LinkError(tcp.peer, f"no answer within {REACH_SECONDS:g} s"))
        # What the other side says tells more than that nothing came.
        raise next((fault for fault in faults if isinstance(fault, PeerError)), faults[0])

    def _report(self, tcp: CarrierProbe, quic: CarrierProbe, used: CarrierProbe, looked: float) -> LinkReport:
        figures = used.figures()
        headroom = figures.throughput / figures.bitrate if figures.throughput and figures.bitrate else None
        reports = {
            carrier: _carrier_report(name, carrier, self._target)
            for name, carrier in (("QUIC (UDP)", quic), ("TCP", tcp))
        }
        return LinkReport(
            name=self._target.name,
            agent=used.agent,
            seconds=looked,
            format=used.format,
            headroom=headroom,
            is_over_quic=used is quic,
            quic=reports[quic],
            tcp=reports[tcp],
            advice=advise(reports[used].worst_seconds, looked, headroom, self._target.delay_seconds),
        )


async def speaks_native(target: LinkTarget, log: FilteringBoundLogger, timeout_seconds: float = 4.0) -> bool:
    """Whether a DiStreamer 3 accepts links there, going by TCP, or by QUIC where TCP does not get through."""
    async with _quick_dials(target, log) as dials:
        for dial in (dials.dial, dials.better):
            if dial is None:
                continue
            try:
                carrier = await dial(timeout_seconds)
            except PeerError:
                return False
            except LinkError:
                continue
            await carrier.close()
            return True
    return False


@contextlib.asynccontextmanager
async def _quick_dials(target: LinkTarget, log: FilteringBoundLogger) -> AsyncIterator[Dials]:
    async with dialling(target.url, Transport.AUTO, pace_of_answers(), log, verify_tls=False) as dials:
        yield dials


def _carrier_report(name: str, carrier: CarrierProbe, target: LinkTarget) -> CarrierReport:
    if not carrier.is_tried:
        why = "it does not go through PROXY" if target.proxy else f"TRANSPORT = {target.transport.value}"
        return CarrierReport(name, is_tried=False, fault=why, figures=None)
    if not carrier.is_reached:
        fault = carrier.fault.reason if isinstance(carrier.fault, LinkError | PeerError) else "no answer in time"
        return CarrierReport(name, is_tried=True, fault=fault, figures=None)
    return CarrierReport(name, is_tried=True, fault="", figures=carrier.figures())
