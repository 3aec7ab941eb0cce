"""Brings a listener from nothing to the body of an answer, without ever waiting."""

from __future__ import annotations

import errno
import itertools
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from benchmarks.load.listener import Listener, RefusedError, Sampled, Step
from benchmarks.load.target import Target

RECEIVE_BUFFER_BYTES = 256 * 1024
"""What the system may hold for a listener: the burst, and far more than comes between two reads."""
HEAD_BYTES = 64 * 1024
NO_PORT_YET = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)
"""Lets the system choose the port when it connects, so that ports of other connections are no obstacle (ip(7))."""


class Dialler:
    """For all listeners of a process."""

    def __init__(self, target: Target, sources: Sequence[str]) -> None:
        """``sources`` are the addresses to connect from, in turn; none for any. The target's name is looked up once."""
        self.tls_words = ""
        """Version and cipher of the first listener that agreed on TLS."""
        self._target = target
        self._sources = itertools.cycle(sources)
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)[0]
        self._family, self._address = found[0], found[4]
        self._tls = _tls() if target.tls else None

    def dial(self, sampled: Sampled | None, now: float) -> Listener:
        """A listener that connects: its socket can be written to when it has. Raises OSError."""
        sock = socket.socket(self._family)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            if source := next(self._sources, ""):
                sock.setsockopt(socket.IPPROTO_IP, NO_PORT_YET, 1)
                sock.bind((source, 0))
            with suppress(BlockingIOError):
                sock.connect(self._address)
        except OSError:
            sock.close()
            raise
        return Listener(sock, now, sampled)

    def advance(self, listener: Listener) -> bytes | None:
        """Does what can be done now; once the listener is at step PLAYING, gives what came of the body meanwhile.

        Raises BlockingIOError, SSLWantReadError or SSLWantWriteError when it goes on later; RefusedError or another
        OSError when this listener will never play.
        """
        if listener.step is Step.CONNECTING:
            self._connected(listener)
        if listener.step is Step.AGREEING:
            self._agree(listener)
        if listener.step is Step.ASKING:
            listener.sock.send(self._target.request)
            listener.step = Step.ASKED
        data = listener.sock.recv(HEAD_BYTES)
        if not data:
            raise RefusedError("closed without an answer")
        return listener.read_head(data)

    def _connected(self, listener: Listener) -> None:
        fault = listener.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if fault:
            raise OSError(fault, errno.errorcode.get(fault, "fault"))
        listener.step = Step.ASKING
        if self._tls is not None:
            listener.step = Step.AGREEING
            listener.sock = self._tls.wrap_socket(
                listener.sock, do_handshake_on_connect=False, server_hostname=self._target.host
            )

    def _agree(self, listener: Listener) -> None:
        assert isinstance(listener.sock, ssl.SSLSocket)
        listener.sock.do_handshake()
        if not self.tls_words:
            self.tls_words = " ".join(str(word) for word in (listener.sock.cipher() or ())[1::-1])
        listener.step = Step.ASKING


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
