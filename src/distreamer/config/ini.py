"""Reads INI files into sections whose every key knows where it stands, and finds all faults of form at once."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from distreamer.config.wording import did_you_mean, printable, shown

SECTION_KINDS = ("GENERAL", "INPUT", "OUTPUT", "ALERT")
_NAME = re.compile(r"\w[\w .-]{0,39}")
_NOT_IN_ENVIRONMENT = re.compile(r"\W+")


class Place(NamedTuple):
    """Where something was said; sorts as a reader meets it: the file from top to bottom, then the environment."""

    from_environment: bool
    line: int
    """0 for the file as a whole."""
    label: str
    """The file as the user named it, or the variable's name."""

    def __str__(self) -> str:
        if self.from_environment:
            return f"environment variable {printable(self.label)}"
        return f"{printable(self.label)}:{self.line}" if self.line else printable(self.label)


class Problem(NamedTuple):
    """One fault."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class Entry(NamedTuple):
    """One key with its value, without the spaces around it."""

    key: str
    """In lower case."""
    value: str
    place: Place


@dataclass(slots=True)
class Section:
    """A section while files and variables are being gathered."""

    kind: str
    """One of SECTION_KINDS."""
    name: str
    """``backup`` for ``[INPUT backup]``; empty for ``[INPUT]``."""
    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)
    """By key in lower case."""

    @property
    def title(self) -> str:
        """``[INPUT backup]``."""
        return f"[{self.kind} {self.name}]" if self.name else f"[{self.kind}]"

    @property
    def identity(self) -> tuple[str, str]:
        """What tells sections apart: names that cannot be told apart in an environment variable are one."""
        return self.kind, environment_form(self.name)


def environment_form(name: str) -> str:
    """A section's name as it stands in an environment variable: ``main site`` is ``MAIN_SITE``."""
    return _NOT_IN_ENVIRONMENT.sub("_", name).upper()


def read_ini(text: str, label: str) -> tuple[dict[tuple[str, str], Section], list[Problem]]:
    """The sections of a file, by identity, in the file's order, and the faults of form. Never raises.

    ``label`` names the file in messages. Keys under a header that is at fault are passed over.
    """
    sections: dict[tuple[str, str], Section] = {}
    problems: list[Problem] = []
    current: Section | None = None
    before_first_header = True
    for place, header, key, value in _lines(text, label):
        if header:
            before_first_header = False
            current = _section(header, place, sections, problems)
        elif not key:
            problems.append(Problem(place, "this line is neither [SECTION] nor KEY = VALUE"))
        elif before_first_header:
            before_first_header = False  # the keys below it need not be told
            problems.append(Problem(place, f"{shown(key.upper())} stands above the first section, such as [INPUT]"))
        elif current is not None:
            _enter(current, Entry(key, value, place), problems)
    return sections, problems


def _lines(text: str, label: str) -> Iterator[tuple[Place, str, str, str]]:
    """Where, section header, key and value of each line that says something; all empty when it makes no sense.

    Each line is parsed by itself, so that its number is known and one bad line does not hide the next; nor is
    an indented key taken for more of the value above it.
    """
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = line.strip()
        place = Place(False, number, label)
        parser = configparser.RawConfigParser(default_section="")
        try:
            parser.read_string(line if line.startswith("[") else "[-]\n" + line)
        except configparser.Error:
            yield place, "", "", ""
            continue
        if line.startswith("["):
            yield place, parser.sections()[0], "", ""
        else:
            yield from ((place, "", key, value) for key, value in parser.items("-"))


def _section(
    header: str, place: Place, sections: dict[tuple[str, str], Section], problems: list[Problem]
) -> Section | None:
    kind, _, name = header.strip().partition(" ")
    section = Section(kind.upper(), " ".join(name.split()), place)
    if section.kind not in SECTION_KINDS:
        problems.append(Problem(place, _unknown(header, section.kind)))
    elif section.kind == "GENERAL" and section.name:
        problems.append(Problem(place, "[GENERAL] takes no name: there is one for the whole instance"))
    elif section.name and not _NAME.fullmatch(section.name):
        problems.append(
            Problem(
                place,
                f"{shown(section.title)}: a section's name must be made of letters, digits, spaces, "
                "dots, hyphens and underscores, 40 at most",
            )
        )
    elif section.identity in sections:
        before = sections[section.identity]
        known_as = "" if before.name == section.name else f", as {before.title}"
        hint = "" if section.kind == "GENERAL" else f"; a further one needs another name: [{section.kind} name]"
        problems.append(Problem(place, f"{section.title} is in line {before.place.line} already{known_as}{hint}"))
    else:
        sections[section.identity] = section
        return section
    return None


def _unknown(header: str, kind: str) -> str:
    hint = did_you_mean(kind, SECTION_KINDS, "[{}]") or "; the sections are [GENERAL], [INPUT], [OUTPUT] and [ALERT]"
    return f"there is no section [{shown(header)}]{hint}"


def _enter(section: Section, entry: Entry, problems: list[Problem]) -> None:
    if entry.key in section.entries:
        line = section.entries[entry.key].place.line
        text = f"{section.title} {shown(entry.key.upper())} is in line {line} already"
        problems.append(Problem(entry.place, text))
    else:
        section.entries[entry.key] = entry
