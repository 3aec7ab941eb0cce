"""Makes the manual's reference pages from the models, so that they cannot disagree."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator

from distreamer.config.describe import FieldFacts, facts_of, paragraph, summary_of
from distreamer.config.environment import variable_of
from distreamer.config.registry import MODULE_KINDS, NEEDED_KINDS, ModuleKind, Registry
from distreamer.config.settings import GeneralSettings, Settings

INDEX = "README.md"

_INDEX_TEXT = """\
# Configuration reference

These pages are made by `distreamer config reference --write docs/reference`; change the models, not the pages.

A configuration file is an INI file. It has an `[INPUT]` and an `[OUTPUT]`, and a section
[`[GENERAL]`](general.md), which may be left out. Sections, keys and the names of MODEs may be written in any case. A
line that begins with `#` or `;` is a comment; what stands behind a value belongs to it, and so do quotes. A key
without a value has its default.

Further sections `[OUTPUT name]` are more outputs, all at once. Further sections `[INPUT name]` are fallbacks: all
inputs run, and the first by PRIORITY that works is on air. When it brings nothing any more (see FALLBACKAFTER in
[`[GENERAL]`](general.md)) the next one takes its place, at a frame boundary, and when it has worked again for RETURN
seconds it comes back. Where both have the same codec, sample rate and channels, players go on as if nothing had
happened; otherwise they must begin anew.

Sections `[ALERT]` and `[ALERT name]`, any number of them or none, tell somebody what happens: see
[alerts](../alerts.md).

Environment variables set or override keys: `DS_GENERAL_X`, `DS_INPUT_X`, `DS_OUTPUT_X` and `DS_ALERT_X` those of the
plain sections, `DS_INPUT_NAME__X`, `DS_OUTPUT_NAME__X` and `DS_ALERT_NAME__X` (two underscores before the key) those of
`[INPUT name]`, `[OUTPUT name]` and `[ALERT name]`; what is not a letter or digit in a section's name becomes an
underscore. They hold for every file of the command.

What happens while it runs is told as [events](events.md), and measured as [metrics](metrics.md).

`distreamer check FILE` says what a file would do, or everything that is wrong with it, and starts nothing.
"""


def reference(registry: Registry) -> dict[str, str]:
    """The pages in Markdown, by file name: an index, one for [GENERAL], one for each MODE."""
    pages = {INDEX: _index(registry), "general.md": _page("[GENERAL]", "GENERAL", GeneralSettings, "")}
    for kind in MODULE_KINDS:
        for mode, model in registry.modes(kind).items():
            pages[_page_name(kind, mode)] = _page(f"[{kind}] MODE = {mode}", kind, model, mode)
    return pages


def is_index(first_line: str) -> bool:
    """Whether a file that begins so is the index, of this version or another."""
    return first_line.strip() == _INDEX_TEXT.partition("\n")[0]


def is_mode_page(first_line: str) -> bool:
    """Whether a file that begins so is the page of a MODE, of this version or another."""
    return any(first_line.startswith(f"# [{kind}] MODE = ") for kind in MODULE_KINDS)


def _page_name(kind: ModuleKind, mode: str) -> str:
    return f"{kind.lower()}-{mode.lower()}.md"


def _index(registry: Registry) -> str:
    lines = [_INDEX_TEXT, "| section | MODE | what it does |", "|---|---|---|"]
    for kind in MODULE_KINDS:
        for mode, model in registry.modes(kind).items():
            lines.append(f"| `[{kind}]` | [{mode}]({_page_name(kind, mode)}) | {_cell(summary_of(model))} |")
    return "\n".join(lines) + "\n"


def _page(title: str, kind: str, model: type[Settings], mode: str) -> str:
    facts = [fact for fact in facts_of(model) if not (mode and fact.key == "MODE")]
    lines = [f"# {title}", "", *_docstring(model), "## Keys", "", "| key | default | must be |", "|---|---|---|"]
    lines += [f"| [{fact.key}](#{fact.key.lower()}) | {_default(fact)} | {_cell(fact.expectation)} |" for fact in facts]
    for fact in facts:
        lines += ["", f"### {fact.key}", "", fact.text, ""]
        lines += [f"- Must be {fact.expectation}.", f"- Default: {_default(fact)}."]
        lines += [f"- Environment: `{variable_of(kind, fact.key)}`"]
    lines += ["", "## Example", "", "```ini", f"[{kind}]", *([f"MODE = {mode}"] if mode else [])]
    lines += [f"{fact.key} = {fact.example}" for fact in facts if fact.required or fact.default]
    return "\n".join([*lines, "```", ""])


def _docstring(model: type[Settings]) -> Iterator[str]:
    for part in (inspect.getdoc(model) or "").split("\n\n"):
        yield paragraph(part)
        yield ""


def _default(fact: FieldFacts) -> str:
    if fact.required:
        return "required"
    return f"`{fact.default}`" if fact.default else "empty"


def _cell(text: str) -> str:
    """``text`` inside a Markdown table."""
    return text.replace("|", "\\|")


def sample(registry: Registry, input_mode: str | None = None, output_mode: str | None = None) -> str:
    """A commented sample file for two MODEs, in the table's spelling; the first of each kind unless told.

    Required keys have an example; the others stand behind a ``;`` with their defaults, and the file still
    loads when all of these are taken away. Raises KeyError for a MODE that is not in the registry.
    """
    chosen: dict[ModuleKind, str | None] = {"INPUT": input_mode, "OUTPUT": output_mode}
    lines = ["# A line that begins with # or ; is a comment. Keys behind a ; have the value that is shown anyway.", ""]
    lines += ["[GENERAL]", *_sample_keys(facts_of(GeneralSettings))]
    for kind in NEEDED_KINDS:
        modes = registry.modes(kind)
        mode = chosen[kind] or next(iter(modes))
        lines += [f"[{kind}]", *_wrapped(summary_of(modes[mode])), f"MODE = {mode}", ""]
        lines += _sample_keys([fact for fact in facts_of(modes[mode]) if fact.key != "MODE"])
    return "\n".join(lines).rstrip() + "\n"


def _sample_keys(facts: list[FieldFacts]) -> Iterator[str]:
    for fact in facts:
        yield from _wrapped(f"{fact.text} Must be {fact.expectation}.")
        yield f"{fact.key} = {fact.example}" if fact.required else f";{fact.key} = {fact.default}".rstrip()
        yield ""


def _wrapped(text: str) -> list[str]:
    text = text.replace("`", '"')  # a comment has no marks for code
    return textwrap.wrap(text, width=100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
