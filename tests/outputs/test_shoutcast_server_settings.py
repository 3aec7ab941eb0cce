"""What may stand in the file of a ShoutcastServer, and what is said when something else does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distreamer.config.loader import parse
from distreamer.config.settings import PlayingOutputSettings
from distreamer.errors import ConfigError
from distreamer.outputs.shoutcast_server import ADOPTED_FIELDS, ShoutcastServerSettings
from distreamer.runtime.modules import REGISTRY

FILE = "[INPUT]\nMODE = Silence\n[OUTPUT]\nMODE = ShoutcastServer\n"


def settings(line: str) -> ShoutcastServerSettings:
    (found,) = parse(f"{FILE}{line}\n".encode(), Path("radio.conf"), REGISTRY, {}).outputs
    assert isinstance(found.settings, ShoutcastServerSettings)
    return found.settings


def test_they_are_kept_as_they_were_written() -> None:
    assert settings("TRUSTEDPROXIES = 127.0.0.1, 10.0.0.0/8").trustedproxies == "127.0.0.1, 10.0.0.0/8"
    assert settings("BODY = none, Sonos: chunked").body == "none, Sonos: chunked"
    assert settings("MAXPERADDRESS =").maxperaddress == 0


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "TRUSTEDPROXIES = 127.0.0.1, nginx",
            "must be addresses or networks with commas between them, such as 127.0.0.1, 10.0.0.0/8; 'nginx' is neither",
        ),
        (
            "BODY = none, Sonos",
            "must be none, chunked or length, and behind it, with commas between them, players that get something "
            "else, such as none, Sonos: chunked; 'Sonos' is not understood",
        ),
        ("MAXPERADDRESS = -1", "must be a whole number from 0 to 1000000"),
    ],
)
def test_what_is_wrong_is_told_in_words(line: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(line)
    assert caught.value.problems == [f"radio.conf:5: [OUTPUT] {line} {problem}"]


def test_the_operator_s_password_is_never_shown() -> None:
    assert "hackme" not in repr(settings("ADMINPASSWORD = hackme"))
    with pytest.raises(ConfigError) as caught:
        settings("ADMINPASSWORD = " + "hackme" * 40)
    assert "hackme" not in str(caught.value)


def test_the_manual_names_all_that_need_no_restart() -> None:
    manual = (Path(__file__).parents[2] / "docs/install.md").read_text()
    (row,) = re.findall(r"^\| keys of an `\[OUTPUT\]` .*", manual, re.MULTILINE)
    own, common = re.split(r" of `ShoutcastServer`, and ", row.partition("come again. ")[2])
    adopted = {field.upper() for field in ADOPTED_FIELDS}
    of_all = {field.upper() for field in PlayingOutputSettings.model_fields}
    named, named_of_all = (set(re.findall(r"`([A-Z]+)`", part)) for part in (own, common))
    assert named | named_of_all == adopted
    assert named_of_all <= of_all
