"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.compatibility import Compatibility

# A machine that is slow, or stands still for a moment, is no finding.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--write-tables``: see ``tests/support/compatibility.py``."""
    parser.addoption("--write-tables", action="store_true", help="write docs/compatibility.md of what the tests prove")


def pytest_configure(config: pytest.Config) -> None:
    """Tables are made of what the tests prove."""
    config.pluginmanager.register(Compatibility(), "compatibility")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that may take longest come first: a run does not end with one process that waits for them alone."""
    items.sort(key=_most_seconds, reverse=True)


def _most_seconds(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker and marker.args else 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A test that cannot run says why."""
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"not run: {report.nodeid}: {reason}")


@pytest.fixture
def patient_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """No link is taken for dead, nor gets a rival, because the machine stood still: for tests in real time that count
    what became of links."""
    monkeypatch.setattr("distreamer.sessions.native_session.DOWN_SECONDS", 600.0)
    monkeypatch.setattr("distreamer.sessions.native_session.rival_after", lambda *_: 600.0)
    monkeypatch.setattr("distreamer.protocol.native.limits.Timing.dead_after", lambda *_: 600.0)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI everything must run: a skipped test is a failure there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True, scope="session")
def _no_trace_at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What programs keep beyond their end is kept where the tests' own files are."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def usual_signals() -> None:
    """Each test, and what it starts, begins with the handlers of a program that a person has started, whatever the test
    before has left: a shell in the background ignores Ctrl-C for all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
