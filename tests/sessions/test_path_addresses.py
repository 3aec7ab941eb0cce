"""Which paths SERVERURL and BIND name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from distreamer.inputs.distreamer_client import DiStreamerClientSettings
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClientSettings
from distreamer.sessions.path_addresses import path_addresses

ONE, TWO = "http://a1:7080", "http://a2:7080"


@pytest.mark.parametrize(
    ("urls", "binds", "paths"),
    [
        (ONE, "", ["to a1:7080"]),
        (ONE, "eth0", ["via eth0 to a1:7080"]),
        (ONE, "eth0, wwan0", ["via eth0 to a1:7080", "via wwan0 to a1:7080"]),
        (f"{ONE} {TWO}", "", ["to a1:7080", "to a2:7080"]),
        (f"{ONE},{TWO}", "192.0.2.7", ["via 192.0.2.7 to a1:7080", "via 192.0.2.7 to a2:7080"]),
        (f"{ONE} , {TWO}", "eth0 2001:db8::7", ["via eth0 to a1:7080", "via 2001:db8::7 to a2:7080"]),
    ],
)
def test_lists_go_together(urls: str, binds: str, paths: list[str]) -> None:
    assert [path.name for path in path_addresses(urls, binds)] == paths


@pytest.mark.parametrize("settings", [DiStreamerClientSettings, DiStreamerRevClientSettings])
@pytest.mark.parametrize(
    ("urls", "binds", "words"),
    [
        (f"{ONE} {TWO}", "eth0 eth1 eth2", "2 in SERVERURL and 3 in BIND do not go together"),
        (f"{ONE} {ONE}", "", "the same path is named twice"),
        (f"{ONE}, ftp://a2", "", "must begin with http:// or https://"),
        (ONE, "an-interface-that-is-too-long", "an address of this machine or the name of a network interface"),
        (" ".join(f"http://a{number}" for number in range(65)), "", "65 paths are more than 64"),
        ("", "", "must begin with http:// or https://"),
        (",", "", "must begin with http:// or https://"),
    ],
)
def test_what_does_not_go_together_is_said(
    settings: type[DiStreamerClientSettings | DiStreamerRevClientSettings], urls: str, binds: str, words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(serverurl=urls, bind=binds)
    assert words in str(caught.value)


def test_passwords_in_an_address_are_not_part_of_a_name() -> None:
    [path] = path_addresses("https://user:secret@studio.example/a", "")
    assert path.name == "to studio.example"
