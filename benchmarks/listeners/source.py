"""The encoder: sends the numbered programme in real time, frame by frame as encoders do, and a title now and then.

python -m benchmarks.listeners.source --port 8000 --password …
"""

from __future__ import annotations

import argparse
import base64
import itertools
import socket
import threading
import time
from contextlib import suppress
from urllib.parse import quote

from benchmarks.numbered import FRAME_SECONDS, KBITS, frame

MOUNT = "/stream"
TITLE_SECONDS = 15.0
ANSWER_SECONDS = 10.0


def main() -> None:
    """Until it is ended, or the server ends the connection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password", required=True)
    arguments = parser.parse_args()
    credentials = base64.b64encode(f"source:{arguments.password}".encode()).decode()
    head = (
        f"SOURCE {MOUNT} HTTP/1.0\r\nAuthorization: Basic {credentials}\r\nContent-Type: audio/mpeg\r\n"
        f"Ice-Name: Benchmark\r\nIce-Public: 0\r\nIce-Bitrate: {KBITS}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", arguments.port), timeout=ANSWER_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head.encode())
        answer = connection.recv(4096)
        if b" 200 " not in answer:
            raise SystemExit(f"the server answered {answer!r}")
        connection.settimeout(None)
        threading.Thread(target=_send_titles, args=(arguments.port, credentials), daemon=True).start()
        _send_frames(connection)


def _send_frames(connection: socket.socket) -> None:
    began = time.monotonic()
    for number in itertools.count():
        time.sleep(max(began + number * FRAME_SECONDS - time.monotonic(), 0.0))
        connection.sendall(frame(number))


def _send_titles(port: int, credentials: str) -> None:
    for number in itertools.count(1):
        song = quote(f"The Numbers - Song {number} of an endless row")
        request = (
            f"GET /admin/metadata?mount={MOUNT}&mode=updinfo&charset=UTF-8&song={song} HTTP/1.0\r\n"
            f"Authorization: Basic {credentials}\r\nUser-Agent: Mozilla\r\n\r\n"
        )
        # A server too busy to take a title goes without.
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
            connection.sendall(request.encode())
            connection.recv(4096)
        time.sleep(TITLE_SECONDS)


if __name__ == "__main__":
    main()
