"""What ``distreamer status`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from distreamer.cli.admin_client import Answer
from distreamer.cli.seen import SeenInstance, SeenLink, SeenModule
from distreamer.units import spoken_seconds

LABEL_WIDTH = 11


def as_data(answers: Sequence[Answer]) -> dict[str, Any]:
    """For programs: the instances as the API tells them, each with the address of its ADMIN; and what could not be
    asked."""
    told = [(answer.target.url, one) for answer in answers if answer.status for one in answer.status.raw]
    return {
        "instances": [{"admin": url, **one} for url, one in told],
        "unasked": [{"admin": answer.target.url, "reason": answer.trouble} for answer in answers if answer.trouble],
    }


def as_lines(answers: Sequence[Answer]) -> Iterator[str]:
    """For people: a paragraph for each instance."""
    is_first = True
    for answer in answers:
        for one in answer.status.instances if answer.status else ():
            if not is_first:
                yield ""
            is_first = False
            yield f"{one.name}{_since(one)} ({answer.target.url})"
            assert answer.status is not None, "it has instances"
            for label, text in rows(one, answer.status.at):
                yield f"  {label:<{LABEL_WIDTH}}{text}"


def rows(one: SeenInstance, at: float) -> Iterator[tuple[str, str]]:
    """How an instance is at Unix time ``at``: what each line is about, and what it says."""
    yield "state", state_words(one)
    for problem in one.problems:
        yield problem.severity, f"{problem.sentence} (for {spoken_seconds(round(max(at - problem.since, 0)))})"
    if one.status is None:
        return
    yield "budget", one.budget_sentence
    yield "delay", one.delay_sentence
    for link in one.links:
        yield "link", link_words(link)
    if len(one.status.inputs) > 1:
        yield "on air", one.input_sentence
    for module in one.status.inputs:
        yield "input", module_words(module)
    yield "listeners", one.listeners_sentence
    yield "title", one.title.sentence


def state_words(one: SeenInstance) -> str:
    """The instance in a few words."""
    if one.is_well:
        return "all is well"
    if not one.is_ready:
        return f"audio does not go out: {one.why_not_ready}"
    count = len(one.problems)
    return f"audio goes out, with {'a problem' if count == 1 else f'{count} problems'}"


def link_words(link: SeenLink) -> str:
    """Whom it leads to, and its last day."""
    peer = link.link.path if link.link.path.endswith(link.link.peer) else f"{link.link.peer} {link.link.path}".rstrip()
    return f"{peer}: {link.sentence}" if peer else link.sentence


def module_words(module: SeenModule) -> str:
    """What an input does."""
    words = f"{module.name} ({module.mode}): {module.detail or module.state}"
    # Mostly what it does is that it failed in just this way.
    is_news = module.state == "retrying" and module.last_error != module.detail
    return f"{words}; {module.last_error}" if is_news and module.last_error else words


def _since(one: SeenInstance) -> str:
    return f", up {spoken_seconds(round(one.status.uptime_seconds))}" if one.status else ""
