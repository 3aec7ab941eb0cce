"""Makes instances of configuration files and environment variables, or says everything that is wrong with them."""

from __future__ import annotations

import codecs
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from distreamer.config.environment import overlay
from distreamer.config.ini import Place, Problem, Section, read_ini
from distreamer.config.instance import ConfiguredAlert, ConfiguredInput, ConfiguredOutput, InstanceConfig
from distreamer.config.interpret import general_settings, module_settings
from distreamer.config.listening import port_problems
from distreamer.config.registry import NEEDED_KINDS, Registry
from distreamer.config.settings import AlertSettings, GeneralSettings, InputSettings, ModuleSettings, OutputSettings
from distreamer.config.wording import printable
from distreamer.errors import ConfigError
from distreamer.protocol.charset import repaired

LARGEST_FILE_BYTES = 100_000
DEFAULT_NAME = "distreamer"
"""Of an instance without a file."""


def load_all(paths: Sequence[Path], registry: Registry, environ: Mapping[str, str]) -> tuple[InstanceConfig, ...]:
    """The instances of ``paths``, in this order and with names that differ.

    The variables in ``environ`` go over every file. Raises ConfigError with all faults of all files.
    """
    instances: list[InstanceConfig] = []
    problems: list[str] = []
    for path in paths:
        try:
            instances.append(load(path, registry, environ))
        except ConfigError as error:
            problems += error.problems
    instances = _with_different_names(instances)
    problems += _name_problems(instances)
    problems += _spool_problems(instances)
    problems += _admin_problems(instances)
    if problems:
        raise ConfigError(problems)
    return tuple(instances)


def load(path: Path, registry: Registry, environ: Mapping[str, str]) -> InstanceConfig:
    """The instance of one file; raises ConfigError with all faults, those of reading the file too."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{_label(path)}: cannot be read: {reason}"]) from error
    return parse(data, path, registry, environ)


def parse(data: bytes, path: Path, registry: Registry, environ: Mapping[str, str]) -> InstanceConfig:
    """The instance that a file's bytes describe; raises ConfigError with all faults at once."""
    sections, problems = read_ini(_decoded(data, path), str(path))
    overlay(sections, environ)
    return _instance(path, sections, problems, registry)


def load_environment(registry: Registry, environ: Mapping[str, str]) -> InstanceConfig:
    """The instance that environment variables alone describe; raises ConfigError with all faults at once."""
    sections: dict[tuple[str, str], Section] = {}
    overlay(sections, environ)
    return _instance(None, sections, [], registry)


def _instance(
    path: Path | None, sections: Mapping[tuple[str, str], Section], problems: list[Problem], registry: Registry
) -> InstanceConfig:
    general = GeneralSettings()
    inputs: list[ConfiguredInput] = []
    outputs: list[ConfiguredOutput] = []
    alerts: list[ConfiguredAlert] = []
    modules: list[tuple[Section, ModuleSettings]] = []
    for section in sections.values():
        if section.kind == "GENERAL":
            general = general_settings(section, registry, problems) or general
            continue
        settings = module_settings(section, registry, problems)
        if isinstance(settings, InputSettings):
            inputs.append(ConfiguredInput(_module_name(section), settings))
        elif isinstance(settings, OutputSettings):
            outputs.append(ConfiguredOutput(_module_name(section), settings))
        elif isinstance(settings, AlertSettings):
            alerts.append(ConfiguredAlert(_module_name(section), settings))
            continue  # It listens nowhere.
        if settings is not None:
            modules.append((section, settings))
    problems += port_problems(modules)
    whole = Place(False, 0, _label(path))
    problems += [
        Problem(whole, f"there is no [{kind}] section; {registry.choice(kind)}")
        for kind in NEEDED_KINDS
        if all(section.kind != kind for section in sections.values())
    ]
    if problems:
        raise ConfigError([str(problem) for problem in sorted(problems)])
    name = general.name or (_name_of(path.stem) if path else DEFAULT_NAME)
    return InstanceConfig(name, path, general, tuple(inputs), tuple(outputs), tuple(alerts))


def _name_of(part: str) -> str:
    """A part of a path as text: its bytes may be no UTF-8, or none that this system's locale knows."""
    return repaired(os.fsencode(part))


def _label(path: Path | None) -> str:
    return printable(str(path)) if path else "the environment"


def _module_name(section: Section) -> str:
    return f"{section.kind.lower()} {section.name}".rstrip()


def _decoded(data: bytes, path: Path) -> str:
    """UTF-8, or what editors on Windows write; raises ConfigError for what is no text."""
    label = _label(path)
    if len(data) > LARGEST_FILE_BYTES:
        raise ConfigError([f"{label}: is larger than {LARGEST_FILE_BYTES} bytes: not a configuration file"])
    encodings = ["utf-8-sig", "cp1252"]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigError([f"{label}: is not a text file in UTF-8 or Windows-1252"])


def _with_different_names(instances: list[InstanceConfig]) -> list[InstanceConfig]:
    """Files of the same stem, without a NAME, are told apart by the folder that they are in."""
    count = Counter(instance.name for instance in instances)
    return [
        replace(instance, name=f"{_name_of(instance.path.resolve().parent.name)}/{instance.name}")
        if count[instance.name] > 1 and instance.path and not instance.general.name
        else instance
        for instance in instances
    ]


def _admin_problems(instances: list[InstanceConfig]) -> list[str]:
    """What instances that share an ADMIN do not agree on."""
    first: dict[str, InstanceConfig] = {}
    problems: list[str] = []
    for instance in instances:
        admin = instance.general.admin.lower()
        other = first.setdefault(admin, instance)
        if admin and other.general.adminpassword != instance.general.adminpassword:
            problems.append(
                f"{_label(instance.path)}: has the ADMIN of {_label(other.path)}, {printable(admin)}, "
                "and must have its ADMINPASSWORD"
            )
    return problems


def _name_problems(instances: list[InstanceConfig]) -> list[str]:
    first: dict[str, InstanceConfig] = {}
    problems: list[str] = []
    for instance in instances:
        other = first.setdefault(instance.name, instance)
        if other is instance:
            continue
        label, other_label = _label(instance.path), _label(other.path)
        if instance.path and other.path and instance.path.resolve() == other.path.resolve():
            problems.append(f"{label}: is given twice")
        else:
            name = printable(instance.name)
            problems.append(f"{label}: is called {name} as {other_label} is; set another [GENERAL] NAME")
    return problems


def _spool_problems(instances: list[InstanceConfig]) -> list[str]:
    """Each instance needs a folder of its own."""
    first: dict[Path, InstanceConfig] = {}
    problems: list[str] = []
    for instance in instances:
        folder = instance.general.spool
        other = instance if folder is None else first.setdefault(folder.resolve(), instance)
        if other is not instance:
            said = printable(str(folder))
            problems.append(
                f"{_label(instance.path)}: [GENERAL] SPOOL = {said} is the folder of {_label(other.path)} already;"
                " each instance needs one of its own"
            )
    return problems
