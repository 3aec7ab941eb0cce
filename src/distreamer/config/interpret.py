"""From a section's written keys to checked settings, with a sentence for everything that is wrong."""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from distreamer.config.describe import FieldFacts, facts_of
from distreamer.config.event_choice import event_faults
from distreamer.config.ini import Entry, Problem, Section
from distreamer.config.redact import HIDDEN
from distreamer.config.registry import MODULE_KINDS, ModuleKind, Registry
from distreamer.config.settings import AlertSettings, GeneralSettings, ModuleSettings, Settings
from distreamer.config.wording import did_you_mean, nearest, shown

_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
SettingsT = TypeVar("SettingsT", bound=Settings)


def general_settings(section: Section, registry: Registry, problems: list[Problem]) -> GeneralSettings | None:
    """The [GENERAL] section's settings; None when something was added to ``problems``."""
    return _settings(section, GeneralSettings, registry, problems)


def module_settings(section: Section, registry: Registry, problems: list[Problem]) -> ModuleSettings | None:
    """An [INPUT], [OUTPUT] or [ALERT] section's settings; None when something was added to ``problems``."""
    kind = next(known for known in MODULE_KINDS if known == section.kind)
    entry = section.entries.get("mode")
    if entry is None or not entry.value:
        place = section.place if entry is None else entry.place
        problems.append(Problem(place, f"{section.title} MODE is missing; {registry.choice(kind)}"))
        return None
    mode = registry.spelling(kind, entry.value)
    if mode is None:
        problems.append(Problem(entry.place, _unknown_mode(section, entry, kind, registry)))
        return None
    section.entries["mode"] = entry._replace(value=mode)
    settings = _settings(section, registry.modes(kind)[mode], registry, problems)
    if isinstance(settings, AlertSettings) and (entry := section.entries.get("events")) and registry.events:
        faults = event_faults(settings.events, registry.events)
        problems += [Problem(entry.place, f"{section.title} EVENTS = {shown(entry.value)}: {text}") for text in faults]
        return None if faults else settings
    return settings


def _settings(
    section: Section, model: type[SettingsT], registry: Registry, problems: list[Problem]
) -> SettingsT | None:
    facts = {fact.key.lower(): fact for fact in facts_of(model)}
    found: list[Problem] = []
    values: dict[str, str] = {}
    meant: set[str] = set()
    for key, entry in section.entries.items():
        if key not in facts:
            found.append(Problem(entry.place, _unknown_key(section, key, list(facts), registry)))
            meant.add((nearest(key, facts) or "").lower())
        elif _NOT_TEXT.search(entry.value):
            text = f"{_said(section, entry, facts[key])} contains a character that is not text"
            found.append(Problem(entry.place, text))
            meant.add(key)
        elif entry.value:  # an empty value asks for the default
            values[key] = entry.value
    try:
        settings = model.model_validate(values, context=registry.audio_fault)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            key = str(fault["loc"][0]) if fault["loc"] else ""
            if fault["type"] != "missing" or key not in meant:
                found.append(_explained(section, key, facts, fault))
    else:
        if not found:
            return settings
    problems += dict.fromkeys(found)  # a value of two kinds is refused twice, in the same words
    return None


def _explained(section: Section, key: str, facts: dict[str, FieldFacts], fault: ErrorDetails) -> Problem:
    """pydantic's finding in our words."""
    entry = section.entries.get(key)
    own_words = str(fault["ctx"]["error"]) if fault["type"] == "value_error" else ""
    if key not in facts:  # found by a validator that looks at several keys
        return Problem(section.place, f"{section.title} {own_words or fault['msg']}")
    fact = facts[key]
    place = entry.place if entry else section.place
    if fault["type"] == "missing":
        needed = f"{section.title} {fact.key} is missing: it must be {fact.expectation}"
        return Problem(place, f"{needed}, such as {fact.example}")
    said = _said(section, entry, fact) if entry else f"{section.title} {fact.key}"
    return Problem(place, f"{said} {own_words or f'must be {fact.expectation}'}")


def _said(section: Section, entry: Entry, fact: FieldFacts) -> str:
    """``[INPUT] PORT = 99999``."""
    value = HIDDEN if fact.secret else shown(entry.value)
    return f"{section.title} {fact.key} = {value}"


def _unknown_key(section: Section, key: str, known: list[str], registry: Registry) -> str:
    mode = section.entries.get("mode") if section.kind in MODULE_KINDS else None
    where = f" for MODE = {mode.value}" if mode else ""
    guess = did_you_mean(key, [name.upper() for name in known])
    return f"{section.title} has no key {shown(key.upper())}{where}{guess or _elsewhere(key, registry)}"


def _elsewhere(key: str, registry: Registry) -> str:
    """Says where a key that is out of place belongs."""
    if key == "mode":
        return "; it belongs in [INPUT], [OUTPUT] and [ALERT]"
    if key in GeneralSettings.model_fields:
        return "; it belongs in [GENERAL]"
    owners = [
        f"[{kind}] MODE = {mode}"
        for kind in MODULE_KINDS
        for mode, model in registry.modes(kind).items()
        if any(fact.key.lower() == key for fact in facts_of(model))
    ]
    return f"; it belongs to {owners[0]}" if owners else ""


def _unknown_mode(section: Section, entry: Entry, kind: ModuleKind, registry: Registry) -> str:
    said = f"{section.title} MODE = {shown(entry.value)}: there is no such {kind.lower()}"
    for other in MODULE_KINDS:
        if registry.spelling(other, entry.value):
            return f"{said}; it is an {other.lower()}: put it under [{other}]"
    return said + (did_you_mean(entry.value, registry.modes(kind)) or f"; {registry.choice(kind)}")
