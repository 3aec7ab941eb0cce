"""Environment variables that set or override keys: DS_INPUT_PORT, DS_OUTPUT_STUDIO__PORT, DS_ALERT_SECRET."""

from __future__ import annotations

import re
from collections.abc import Mapping

from distreamer.config.ini import Entry, Place, Section, environment_form

_VARIABLE = re.compile(r"DS_(GENERAL|INPUT|OUTPUT|ALERT)_(.+)", re.DOTALL)


def variable_of(kind: str, key: str) -> str:
    """The variable that sets ``key`` (upper case) in the section of a kind that has no name."""
    return f"DS_{kind}_{key}"


def overlay(sections: dict[tuple[str, str], Section], environ: Mapping[str, str]) -> None:
    """Puts what ``environ`` says over ``sections``; sections that are not there yet come behind, first those without a
    name, the others by name.

    Variables that do not begin with DS_GENERAL_, DS_INPUT_, DS_OUTPUT_ or DS_ALERT_ are none of ours.
    """
    matches = [match for variable in sorted(environ) if (match := _VARIABLE.fullmatch(variable))]
    ours = [(match[0], match[1], *_name_and_key(match[1], match[2])) for match in matches]
    for variable, kind, name, key in sorted(ours, key=lambda one: bool(one[2])):
        place = Place(True, 0, variable)
        new = Section(kind, environment_form(name).lower(), place)
        section = sections.setdefault(new.identity, new)
        section.entries[key.lower()] = Entry(key.lower(), environ[variable].strip(), place)


def _name_and_key(kind: str, rest: str) -> tuple[str, str]:
    name, separator, key = rest.partition("__")
    return (name, key) if kind != "GENERAL" and separator and name else ("", rest)


def has_variables(environ: Mapping[str, str]) -> bool:
    """Whether any variable in ``environ`` is ours."""
    return any(_VARIABLE.fullmatch(variable) for variable in environ)
