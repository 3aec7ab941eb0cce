"""Makes the API's views of snapshots. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from distreamer.admin.views import InstanceView, LinkView, StreamView, TitleView
from distreamer.config.redact import redacted_url
from distreamer.config.wording import printable
from distreamer.model.status import InstanceStatus, LinkStatus, ModuleState, ModuleStatus, PlayoutState
from distreamer.runtime.plain_words import budget_words, filler_words, is_stale, link_words, stand_in, status_sentence
from distreamer.units import spoken_seconds


def without_passwords(status: InstanceStatus) -> InstanceStatus:
    """``status`` with what modules say fit to be shown."""
    return replace(
        status,
        inputs=tuple(map(_shown_module, status.inputs)),
        outputs=tuple(map(_shown_module, status.outputs)),
    )


def instance_view(status: InstanceStatus, streams: tuple[StreamView, ...] = ()) -> InstanceView:
    """The view of a snapshot, and of where the instance can be heard."""
    status = without_passwords(status)
    budget_sentence, budget = _budget(status)
    delay_sentence, delay = _delay(status)
    reason = why_not_ready(status)
    preferred = status.inputs[0].name if status.inputs else ""
    other = stand_in(status)
    listeners = _listeners(status)
    return InstanceView(
        name=status.name,
        sentence=printable(status_sentence(status)),
        is_ready=not reason,
        why_not_ready=reason,
        budget_sentence=budget_sentence,
        budget_seconds=budget,
        delay_sentence=delay_sentence,
        delay_seconds=delay,
        input_sentence=f"{other.name} is on air instead of {preferred}" if other else f"{preferred} is on air",
        preferred_input=preferred,
        real_input=other.name if other else preferred,
        listeners_sentence=_listeners_sentence(listeners),
        listeners=listeners,
        title=_title(status),
        streams=streams,
        links=tuple(replace(view, link=_without_slots(view.link)) for view in link_views(status)),
        problems=status.problems,
        status=replace(
            status,
            inputs=tuple(map(_module_without_slots, status.inputs)),
            outputs=tuple(map(_module_without_slots, status.outputs)),
        ),
    )


def absent_view(name: str, sentence: str) -> InstanceView:
    """Of an instance that is not there."""
    title = TitleView("nothing is known", None, None, None, None)
    no = "nothing is known"
    return InstanceView(
        name, sentence, False, sentence, no, None, no, None, no, "", "", no, None, title, (), (), (), None
    )


def link_views(status: InstanceStatus) -> tuple[LinkView, ...]:
    """All links, with their histories."""
    return tuple(
        LinkView(_link_sentence(link), module.name, link)
        for module in (*status.inputs, *status.outputs)
        for link in module.links
    )


def why_not_ready(status: InstanceStatus) -> str:
    """What keeps audio from going out, in words; empty when it does."""
    if status.store.info is None:
        return "nothing has arrived yet"
    playout = status.playout
    if playout is None and is_stale(status):
        return "nothing arrives any more"
    if playout is not None and playout.state is PlayoutState.WAITING:
        return "the buffer fills"
    if playout is not None and playout.state is PlayoutState.DRY:
        return f"the buffer ran out, and {filler_words(playout)} is sent"
    reasons = [_why_not_out(output) for output in status.outputs]
    return "" if "" in reasons else "; ".join(reasons)


def _why_not_out(output: ModuleStatus) -> str:
    if output.state is not ModuleState.RUNNING and output.last_error:
        return f"{output.name} does not work: {output.last_error}"
    if output.listeners is not None:
        return "" if output.state is ModuleState.RUNNING else f"{output.name} is not ready yet"
    return "" if any(link.connected for link in output.links) else f"nobody is connected to {output.name}"


def _budget(status: InstanceStatus) -> tuple[str, float | None]:
    playout = status.playout
    if playout is not None:
        if playout.state is PlayoutState.WAITING:
            return "the buffer fills, nothing is played yet", 0.0
        if playout.state is PlayoutState.DRY:
            return f"nothing is left to play, {filler_words(playout)} is sent", 0.0
        return _own_budget_sentence(status, playout.budget_seconds), playout.budget_seconds
    links = [link for output in status.outputs for link in output.links]
    told = [
        (link.peer_budget_seconds, link.peer)
        for link in links
        if link.connected and link.peer_budget_seconds is not None
    ]
    if not told:
        return _away_sentence(links), None
    seconds, peer = min(told)
    words = spoken_seconds(round(seconds))
    if is_stale(status):
        return f"nothing new arrives; what {peer} holds lasts for {words} more", seconds
    return f"{peer} can lose the link for {words} before anyone hears it", seconds


def _own_budget_sentence(status: InstanceStatus, seconds: float) -> str:
    """While nothing arrives it is no matter of a link that might fail."""
    links = [link for module in status.inputs if module.on_air for link in module.links]
    is_cut = bool(links) and not any(link.connected for link in links)
    if not (is_cut or is_stale(status)):
        return budget_words(seconds)
    cause = "the link is down" if is_cut else "nothing new arrives"
    return f"{cause}; what is held lasts for {spoken_seconds(round(seconds))} more"


def _away_sentence(links: Sequence[LinkStatus]) -> str:
    """Of links none of which says how long it may be down."""
    if not links or any(link.connected for link in links):
        return "nobody says how long the link may be down"
    last = min(links, key=lambda link: link.silent_seconds)
    return f"the link to {last.peer} has been down for {spoken_seconds(round(last.silent_seconds))}"


def _delay(status: InstanceStatus) -> tuple[str, float | None]:
    playout = status.playout
    if playout is None:
        return "nothing is played here", None
    if playout.behind_seconds is None:
        return "nothing was played yet", None
    if playout.is_filling:
        return f"listeners hear {filler_words(playout)} instead of the programme", playout.behind_seconds
    return f"listeners are {spoken_seconds(round(playout.behind_seconds))} behind the studio", playout.behind_seconds


def _listeners(status: InstanceStatus) -> int | None:
    counts = [output.listeners.connected for output in status.outputs if output.listeners]
    return sum(counts) if counts else None


def _listeners_sentence(count: int | None) -> str:
    if count is None:
        return "nobody can listen here"
    return "1 listener" if count == 1 else f"{count} listeners"


def _title(status: InstanceStatus) -> TitleView:
    store, playout = status.store, status.playout
    sent = store.title.text if store.title else None
    heard = playout.title.text if playout and playout.title else None
    if playout and playout.is_filling:
        sentence = f"listeners hear {filler_words(playout)}, the studio has sent {_quoted(sent)}"
    elif heard is not None and heard != sent:
        sentence = f"listeners hear {_quoted(heard)}, the studio has sent {_quoted(sent)}"
    elif sent is not None and (heard is not None or playout is None):
        sentence = f"{_quoted(sent)} is on air"
    else:
        sentence = f"{_quoted(sent)} was sent"
    return TitleView(sentence, sent, store.title_sent_at, heard, playout.title_heard_since if playout else None)


def _quoted(title: str | None) -> str:
    """Icecast sends an empty title where its source has sent none."""
    return f"“{title}”" if title else "no title"


def _link_sentence(link: LinkStatus) -> str:
    if link.history is not None:
        return link_words(link.history)
    return f"up {spoken_seconds(round(link.connected_seconds))}" if link.connected else "down"


def _shown_module(module: ModuleStatus) -> ModuleStatus:
    return replace(
        module,
        detail=_shown(module.detail),
        last_error=_shown(module.last_error),
        links=tuple(map(_shown_link, module.links)),
    )


def _shown_link(link: LinkStatus) -> LinkStatus:
    return replace(link, path=printable(link.path), trouble=_shown(link.trouble)) if link.path else link


def _shown(text: str) -> str:
    return printable(redacted_url(text))


def _module_without_slots(module: ModuleStatus) -> ModuleStatus:
    return replace(module, links=tuple(map(_without_slots, module.links)))


def _without_slots(link: LinkStatus) -> LinkStatus:
    return link if link.history is None else replace(link, history=replace(link.history, slots=()))
