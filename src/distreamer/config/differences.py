"""What differs between the settings of a section and those that it had before."""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.config.settings import ModuleSettings, Settings

INSTANCE_FIELDS = frozenset(
    {"priority", "return_", "fragmentseconds", "fragmentsize", "fragmentsnumber", "minfragments"}
)
"""Fields of [INPUT] and [OUTPUT] that the instance itself follows. A module does not look at them, so it need not be
made anew for them."""


def changed_fields(before: Settings, after: Settings) -> frozenset[str]:
    """The fields with another value. Of two MODEs the other one's settings are others, whatever they are called."""
    if isinstance(before, ModuleSettings) and isinstance(after, ModuleSettings) and before.mode != after.mode:
        return frozenset({"mode"})
    fields = type(before).model_fields.keys() | type(after).model_fields.keys()
    missing = object()
    return frozenset(field for field in fields if getattr(before, field, missing) != getattr(after, field, missing))


def keys_of(settings: Settings, fields: Iterable[str]) -> list[str]:
    """``fields`` as keys, in the order in which the class has them."""
    known = type(settings).model_fields
    wanted = frozenset(fields)
    return [(known[field].alias or field).upper() for field in known if field in wanted]


def section_title(name: str) -> str:
    """``input backup``, as logs and status call a module, as it stands in a file: ``[INPUT backup]``."""
    kind, _, own = name.partition(" ")
    return f"[{kind.upper()} {own}]" if own else f"[{kind.upper()}]"
