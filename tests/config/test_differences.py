"""What has changed in a section."""

from __future__ import annotations

from distreamer.config.differences import changed_fields, keys_of, section_title
from distreamer.config.settings import GeneralSettings
from tests.support.small_registry import PullSettings, ToneSettings

PULL = PullSettings(mode="Pull", streamurl="http://radio.example/")


def changed(**keys: object) -> set[str]:
    return set(changed_fields(PULL, PullSettings.model_validate({**PULL.model_dump(by_alias=True), **keys})))


def test_only_values_count() -> None:
    assert changed() == set()
    # Written, but as it is without being written.
    assert changed(httptimeout=5, charset="auto") == set()
    assert changed(httptimeout=6, password="other") == {"httptimeout", "password"}


def test_another_mode_is_the_only_difference_that_there_is() -> None:
    assert changed_fields(PULL, ToneSettings(mode="Tone", hertz=50, priority=7)) == {"mode"}


def test_keys_are_told_as_they_are_written_and_in_their_order() -> None:
    other = PullSettings.model_validate(
        {"mode": "Pull", "streamurl": "http://other.example/", "return": 3, "fragmentsize": 5}
    )
    assert keys_of(other, changed_fields(PULL, other)) == ["RETURN", "STREAMURL", "FRAGMENTSIZE"]
    fields = changed_fields(GeneralSettings(), GeneralSettings(name="x", delay=9))
    assert keys_of(GeneralSettings(), fields) == ["DELAY", "NAME"]


def test_sections_are_called_as_in_a_file() -> None:
    assert [section_title(name) for name in ("input", "output main site")] == ["[INPUT]", "[OUTPUT main site]"]
