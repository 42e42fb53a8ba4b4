"""The read-outs by name: argqual's own, and those of installed packages.

`expect`: the level's expectation under the log-probabilities of its code; as `expect:prefilled` in an answer that is
    begun for the model, as `expect:json` in one that it writes.
`label`: the same call; the level as written.
`votes:N`: N sampled answers; the frequencies.
`decide`: a System One endpoint, which returns probabilities itself.
`verbal`: DSPy's own form, in which the model writes probabilities down as JSON.

Which one is used is chosen by what the model can do before anything is asked, can be forced, and never changes
silently. How to add one: see `argqual.judging.readouts.readout.Readout`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from argqual._plugins import added, imported, package_of
from argqual.errors import ReadoutError, nearest
from argqual.judging.readouts.readout import Readout
from argqual.models.connect import Model
from argqual.models.names import GROUP as MODELS

GROUP = "argqual.readouts"
_OWN = {"expect": "Expect", "label": "WrittenLevel", "votes": "Votes", "decide": "Decide", "verbal": "Verbal"}
"""A read-out to its class, in a module beside this one that is called as the read-out."""
_SPELT = ("auto", "expect", "expect:json", "expect:prefilled", "label", "votes:N", "decide", "verbal")


def choose_readout(wanted: str, model: Model, *, explain: bool = False, abstain: bool = False) -> Readout:
    """The read-out asked for, or for `auto` the best that the model is known to support.

    `explain` and `abstain` say whether reasons are wanted, and whether the model may answer that it cannot tell:
    `auto` takes no read-out that cannot serve that. Raises a `ReadoutError` if there is none, or the model cannot
    serve it.
    """
    if wanted == "auto":
        wanted, _why = preferred(model, explain=explain, abstain=abstain)
    name, colon, setting = wanted.partition(":")
    kind = _kind(name)
    try:
        readout = kind(setting if colon else None) if kind else None
    except ValueError:
        readout = None
    if readout is None:
        raise ReadoutError(f"No read-out is called '{wanted}'. {nearest(wanted, (*_SPELT, *added(GROUP)))}")
    readout.check(model)
    return readout


def packages_behind(readout: Readout, model: Model) -> dict[str, str]:
    """The installed packages that bring a read-out and a model, with their versions; empty for argqual's own."""
    own = type(readout).__module__.startswith("argqual.")
    by_readout = {} if own else package_of(added(GROUP).get(readout.name.partition(":")[0]))
    return by_readout | package_of(added(MODELS).get(model.name.partition("/")[0]))


def preferred(model: Model, *, explain: bool = False, abstain: bool = False) -> tuple[str, str]:
    """The read-out that `auto` takes for a model, and why."""
    if model.endpoint:
        return "decide", "it has a decision endpoint"
    now, instead = model.abilities.now, ""
    if model.decider is not None and now.decisions:
        if not explain and not abstain:
            return "decide", "its provider has a decision endpoint for it"
        instead = f"a decision endpoint gives no {'reasons' if explain else 'abstentions'}, and "
    elif now.was_learnt("decisions"):
        instead = "its server has no decision endpoint, and "
    if model.logprobs:
        return "expect", f"{instead}it gives log-probabilities"
    lacks = "it gives no log-probabilities" if now.logprobs is False else "nothing says that it gives log-probabilities"
    return "label", instead + lacks


def _kind(name: str) -> type[Readout] | None:
    if name in _OWN:
        return _checked(getattr(import_module(f"argqual.judging.readouts.{name}"), _OWN[name]))
    point = added(GROUP).get(name)
    return imported(point, _checked, ReadoutError) if point else None


def _checked(found: Any) -> type[Readout]:
    if not (isinstance(found, type) and issubclass(found, Readout)):
        raise TypeError("it does not extend argqual.judging.readouts.readout.Readout")
    return found
