"""[ALERT] sections, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from distreamer.config.describe import written_values
from distreamer.config.instance import InstanceConfig
from distreamer.config.loader import parse
from distreamer.errors import ConfigError
from distreamer.runtime.modules import REGISTRY

REST = "[INPUT]\nMODE = Silence\n[OUTPUT]\nMODE = ShoutcastServer\n"
MAIL = "MODE = Mail\nSERVER = smtp.example\nFROM = studio@example.org\nTO = anna@example.org\n"
HOOK = "MODE = Webhook\nURL = https://hooks.example/T0/geheim\n"


def loaded(text: str, environ: dict[str, str] | None = None) -> InstanceConfig:
    return parse((REST + text).encode(), Path("radio.conf"), REGISTRY, environ or {})


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(text)
    return [problem.partition(": ")[2] for problem in caught.value.problems]


def test_there_may_be_none_or_several() -> None:
    assert loaded("").alerts == ()
    found = loaded(f"[ALERT]\n{MAIL}[alert Night]\n{HOOK}HOLD = 60\nRESOLVED = no\n").alerts
    assert [name for name, _ in found] == ["alert", "alert Night"]
    assert [settings.mode for _, settings in found] == ["Mail", "Webhook"]
    assert (found[1].settings.hold, found[1].settings.resolved, found[0].settings.resolved) == (60, False, True)


def test_the_environment_sets_keys_of_alerts() -> None:
    environ = {"DS_ALERT_MODE": "command", "DS_ALERT_COMMAND": "/bin/true", "DS_ALERT_NIGHT__SECRET": "geheim"}
    first, second = loaded(f"[ALERT night]\n{HOOK}", environ).alerts
    assert first.settings.secret == "geheim"  # type: ignore[attr-defined]
    assert (second.name, second.settings.mode) == ("alert", "Command")


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ("[ALERTS]\n", "there is no section [ALERTS]; did you mean [ALERT]?"),
        ("[ALERT]\n", "[ALERT] MODE is missing; MODE may be Mail, Webhook, Command"),
        ("[ALERT]\nMODE = Mial\n", "[ALERT] MODE = Mial: there is no such alert; did you mean Mail?"),
        (
            "[ALERT]\nMODE = HlsServer\n",
            "[ALERT] MODE = HlsServer: there is no such alert; it is an output: put it under [OUTPUT]",
        ),
        (f"[ALERT]\n{HOOK}URI = 1\n", "[ALERT] has no key URI for MODE = Webhook"),
        (
            f"[ALERT]\n{HOOK}EVENTS = lnik_down\n",
            "[ALERT] EVENTS = lnik_down: there is no event lnik_down; did you mean link_down?",
        ),
        (
            f"[ALERT]\n{HOOK}EVENTS = link_*, x_*\n",
            "[ALERT] EVENTS = link_*, x_*: there is no event x_*; docs/reference/events.md lists them",
        ),
        (
            f"[ALERT]\n{HOOK}EVENTS = link_up\n",
            "[ALERT] EVENTS = link_up: link_up is the end of link_down: name that; RESOLVED says whether its end "
            "is told",
        ),
        (
            f"[ALERT]\n{HOOK}EVENTS = link down\n",
            "[ALERT] EVENTS = link down must be problems, or kinds of events with commas between them, such as link_*, "
            "and not link down",
        ),
        (f"[ALERT]\n{HOOK}SEVERITY = info\n", "[ALERT] SEVERITY = info must be one of warning, error"),
        (f"[ALERT]\n{HOOK}HOLD = -1\n", "[ALERT] HOLD = -1 must be a number of seconds from 0 to 86400"),
        (
            "[ALERT]\nMODE = Webhook\nURL = hooks.example/geheim\n",
            "[ALERT] URL = *** must begin with http:// or https://",
        ),
        (
            "[ALERT]\nMODE = Command\nCOMMAND = say 'it\n",
            "[ALERT] COMMAND = say 'it must be a program and its arguments, and every quote must have its end",
        ),
        ("[ALERT]\nMODE = Command\nCOMMAND = ''\n", "[ALERT] COMMAND = '' must begin with a program"),
        (f"[ALERT]\n{MAIL}USER = me\n", "[ALERT] USER and PASSWORD must both be given, or neither"),
        (
            f"[ALERT]\n{MAIL}USER = me\nPASSWORD = x\nTLS = none\n",
            "[ALERT] TLS = none would send PASSWORD unprotected; it may be starttls or tls",
        ),
        (
            f"[ALERT]\n{MAIL.replace('anna@example.org', 'anna@example.org, ben')}",
            "[ALERT] TO = anna@example.org, ben must be a mail address such as anna@example.org, or several with "
            "commas between them",
        ),
        (
            f"[ALERT]\n{MAIL.replace('studio@example.org', 'a@example.org, b@example.org')}",
            "[ALERT] FROM = a@example.org, b@example.org must be one mail address such as studio@example.org",
        ),
        (
            f"[ALERT]\n{MAIL.replace('smtp.example', 'smtp.example:587')}",
            "[ALERT] SERVER = smtp.example:587 must be the name of a mail server alone; its port stands in PORT",
        ),
        (f"[ALERT]\n{MAIL}PORT = 0\n", "[ALERT] PORT = 0 must be a whole number from 1 to 65535"),
        (f'[ALERT]\n{HOOK}BODY = {{"text": "{{txt}}"}}\n', None),
    ],
)
def test_what_is_wrong_is_told(section: str, fault: str | None) -> None:
    (said,) = faults(section)
    if fault is None:
        assert said.endswith("{txt} is none of them")
    else:
        assert said == fault


def test_a_mail_server_of_this_machine_may_be_told_a_password_without_tls() -> None:
    text = f"[ALERT]\n{MAIL.replace('smtp.example', 'localhost')}USER = me\nPASSWORD = x\nTLS = none\n"
    assert len(loaded(text).alerts) == 1


def test_secrets_are_never_shown() -> None:
    hook = f"[ALERT]\n{HOOK}SECRET = geheim2\n[ALERT m]\n{MAIL}USER = me\nPASSWORD = geheim3\n"
    config = loaded(hook)
    shown = [line for _, settings in config.alerts for line in written_values(settings)]
    assert "URL = ***" in shown
    assert "SECRET = ***" in shown
    assert "PASSWORD = ***" in shown
    assert "geheim" not in " ".join(shown) + repr(config)
