"""The crowd of listeners, on loopback sockets."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from benchmarks import numbered
from benchmarks.load.crowd import Crowd
from benchmarks.load.listener import Listener, RefusedError, Sampled, Step
from benchmarks.load.target import target_of

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"
BURST_FRAMES = 100
BOUND_SECONDS = 60.0
Answer = Callable[[socket.socket], None]


@contextmanager
def station(*answers: Answer) -> Iterator[str]:
    """A server that gives each connection the next answer, and the last to all that follow; its URL."""
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        number = 0
        held: list[socket.socket] = []
        while not ended.is_set():
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.recv(4096)
                # The listener may be gone again.
                with suppress(OSError):
                    answers[min(number, len(answers) - 1)](connection)
                held.append(connection)
                number += 1
        for connection in held:
            connection.close()

    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            ended.set()
            thread.join()


def play(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"".join(map(numbered.frame, range(BURST_FRAMES))))


def play_and_go(connection: socket.socket) -> None:
    play(connection)
    connection.shutdown(socket.SHUT_WR)


def refuse(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.0 503 Service Unavailable\r\n\r\n")


def vanish(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def crowd_of(url: str, sample: int) -> Crowd:
    return Crowd(target_of(url, titles=False, kbits=numbered.KBITS), (), sample, seed=1)


def run_until(crowd: Crowd, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + BOUND_SECONDS
    while not holds():
        assert time.monotonic() < end, crowd.counts
        crowd.run_once()


@pytest.mark.parametrize("sample", [0, 2, 10])
def test_everybody_hears_the_programme_whether_sampled_or_not(sample: int) -> None:
    with station(play) as url:
        crowd = crowd_of(url, sample)
        crowd.join(5, 0.01, True)
        run_until(crowd, lambda: crowd.counts[0] == 5)
        crowd.begin()
        report = crowd.end()
    assert (report.playing, report.waiting, report.disconnected, report.watched) == (5, 0, 0, 5)
    assert report.sample == min(sample, 5)
    assert len(report.first_bytes) == 5
    assert report.frames == BURST_FRAMES * report.sample
    assert (report.missing, report.damaged_bytes) == (0, 0)


def test_refusals_and_disconnections_are_counted_by_their_kind() -> None:
    with station(refuse, vanish, play_and_go, play) as url:
        crowd = crowd_of(url, sample=10)
        crowd.join(4, 0.01, True)
        run_until(crowd, lambda: crowd.counts[1] == 0)
        run_until(crowd, lambda: crowd.counts[0] == 1)
        report = crowd.end()
    assert report.failures == {"status 503": 1, "closed without an answer": 1}
    assert (report.disconnected, report.playing) == (1, 1)


def test_a_port_where_nobody_listens_is_a_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        crowd = crowd_of(f"http://127.0.0.1:{taken.getsockname()[1]}/", sample=1)
        crowd.join(3, 0.01, True)
        run_until(crowd, lambda: crowd.counts[2].total() == 3)
    assert crowd.counts == (0, 0, {"ECONNREFUSED": 3})


@pytest.mark.parametrize("sample", [0, 1])
def test_who_is_disconnected_in_a_window_stalled_in_it(sample: int) -> None:
    played: list[socket.socket] = []

    def play_and_wait(connection: socket.socket) -> None:
        play(connection)
        played.append(connection)

    with station(play_and_wait) as url:
        crowd = crowd_of(url, sample=sample)
        crowd.join(1, 0.01, True)
        run_until(crowd, lambda: crowd.counts[0] == 1)
        crowd.begin()
        run_until(crowd, lambda: bool(played))
        played[0].shutdown(socket.SHUT_WR)
        run_until(crowd, lambda: crowd.counts[0] == 0)
        report = crowd.end()
    assert (report.disconnected, report.watched, report.stalled_listeners, report.playing) == (1, 1, 1, 0)


def test_the_sample_is_spread_over_all_who_joined() -> None:
    with station(play) as url:
        crowd = crowd_of(url, sample=4)
        crowd.join(4, 0.01, True)
        run_until(crowd, lambda: crowd.counts[0] == 4)
        crowd.join(12, 0.01, True)
        run_until(crowd, lambda: crowd.counts[0] == 16)
        crowd.begin()
        report = crowd.end()
        # A herd changes nothing in the sample.
        crowd.join(3, 0.01, False)
        run_until(crowd, lambda: crowd.counts[0] == 19)
        crowd.begin()
        assert crowd.end().sample == 4
    assert (report.sample, report.watched) == (4, 16)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_head_is_read_whatever_the_pieces(size: int) -> None:
    with socket.socket() as unused:
        listener = Listener(unused, 0.0, Sampled())
    data = HEAD.replace(b"\r\n\r\n", b"\r\nIcy-MetaInt: 16000\r\n\r\n") + b"body"
    bodies = []
    for place in range(0, len(data), size):
        if listener.step is Step.PLAYING:
            bodies.append(data[place : place + size])
        elif (body := listener.read_head(data[place : place + size])) is not None:
            bodies.append(body)
    assert b"".join(bodies) == b"body"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "status 404"),
        (b"nonsense\r\n\r\n", "status unreadable"),
        (b"x" * 20_000, "an answer without end"),
    ],
)
def test_what_is_no_stream_is_refused(answer: bytes, words: str) -> None:
    with socket.socket() as unused, pytest.raises(RefusedError, match=words):
        Listener(unused, 0.0, None).read_head(answer)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1:8000", "http:///x"])
def test_what_is_no_url_of_a_stream_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        target_of(url, titles=False, kbits=128)


def test_a_target_is_asked_for_as_players_do() -> None:
    target = target_of("https://radio.example/live?x=1", titles=True, kbits=128)
    assert (target.port, target.tls, target.bytes_per_second) == (443, True, 16_000)
    assert target.request.startswith(b"GET /live?x=1 HTTP/1.0\r\nHost: radio.example:443\r\n")
    assert b"\r\nIcy-MetaData: 1\r\n" in target.request


@pytest.mark.integration
def test_the_command_says_how_it_went() -> None:
    command = (
        sys.executable,
        "-m",
        "benchmarks.load",
        "--listeners",
        "20",
        "--seconds",
        "0.5",
        "--processes",
        "2",
        "--json",
    )
    with station(play) as url:
        done = subprocess.run([*command, "--url", url], capture_output=True, text=True, timeout=60, check=False)
    figures = json.loads(done.stdout)["window"]
    assert (figures["playing"], figures["sample"], figures["missing"]) == (20, 20, 0)
    # The station sent a burst, and nothing during the window.
    assert (figures["stalled_listeners"], done.returncode) == (20, 1)
