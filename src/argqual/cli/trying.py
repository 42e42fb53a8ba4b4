"""What `argqual models test` says of a model: what it can do, where that comes from, and how a rating went."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from argqual.cli.options import say, step
from argqual.cli.settings import keep_minutes
from argqual.errors import EXIT_OK, EXIT_SOME_FAILED, ModelError
from argqual.report.plain import clean

if TYPE_CHECKING:
    from argqual.assessment import Assessment
    from argqual.judging.trial import TrialAnswer
    from argqual.models.connect import Model


def try_model(name: str, readout: str, api_base: str | None, *, as_json: bool) -> int:
    """Ask a few small requests, say what they show, and keep it; the exit code: 1 when nothing could be rated."""
    started = time.perf_counter()
    with step(f"Loading {name}"):
        from argqual.models.connect import begin, connect

        begin(name, api_base=api_base, keep=keep_minutes(name, api_base))  # beside what this imports
        from argqual.judging.trial import REQUESTS, rated, why

        model = connect(name, api_base=api_base)
    loading = time.perf_counter() - started
    shown = None
    if model.lm is not None and model.server is None:
        say(f"{REQUESTS} small requests, and one more for each thing that {clean(model.name)} refuses.")
        with step("Asking what it takes"):
            shown = _probed(model, readout)
    with step("Rating"):
        assessment = rated(model, readout)
    facts = _facts(model, shown)
    reason = why(model, readout)
    if as_json:
        typer.echo(json.dumps(_as_data(model, assessment, facts, reason, loading), indent=2))
    else:
        typer.echo("\n".join(_as_text(model, assessment, facts, reason, loading)))
    return EXIT_SOME_FAILED if assessment.overall.value is None else EXIT_OK


def _probed(model: Model, readout: str) -> TrialAnswer | None:
    """What asking shows; None, said, for a model that is rated by its decisions and whose chat cannot be asked."""
    from argqual.judging.readouts.registry import preferred
    from argqual.judging.trial import probe

    try:
        return probe(model)
    except ModelError as error:
        if "decide" not in (readout, preferred(model)[0] if readout == "auto" else ""):
            raise
        say(f"Its chat cannot be asked. {clean(error.message)}")
        return None


Facts = dict[str, tuple[Any, str, str]]
"""What is known: the value, in words, and where it comes from."""


def _facts(model: Model, shown: TrialAnswer | None) -> Facts:
    now = model.abilities.now
    if model.endpoint:
        return {"decisions": (True, "yes", "it is an endpoint for them")}
    gives = "unknown" if now.logprobs is None else "no"
    if now.logprobs:
        most = min(shown.alternatives if shown and shown.alternatives else now.top_logprobs, now.top_logprobs)
        gives = f"yes, of {most} tokens"
    schema = "yes" if now.schema else "no"
    if now.schema:
        schema += ("" if now.strict else ", not strict") + (", and it followed it" if shown and shown.follows else "")
    temperature = "no" if not now.temperature else "yes"
    if now.temperature and now.least_temperature:
        temperature += f", from {now.least_temperature:g}"
    facts: Facts = {
        "decisions": (now.decisions, _decisions(model), "decisions"),
        "log-probabilities": (now.logprobs, gives, "logprobs"),
        "schema": (now.schema, schema, "schema"),
        "temperature": (now.temperature, temperature, "temperature"),
        "seed": (now.seed, _yes(now.seed), "seed"),
        "thinking": (now.thinking, _thinking(model), "thinking"),
        "system message": (now.system, _yes(now.system), "system"),
        "context": (now.context_tokens, _tokens(now.context_tokens), "context_tokens"),
        "longest answer": (now.output_tokens, _tokens(now.output_tokens), "output_tokens"),
        "prompt caching": (now.caching, _yes(now.caching), "caching"),
        "deprecated": (now.deprecated, now.deprecation(date.today()) or now.deprecated or "no", "deprecated"),
    }
    return {name: (value, words, now.source(fact)) for name, (value, words, fact) in facts.items()}


def _decisions(model: Model) -> str:
    if model.abilities.now.decisions:
        return "yes"
    return "not listed; --readout decide tries" if model.decider is not None else "no"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,} tokens"


def _thinking(model: Model) -> str:
    now, sent = model.abilities.now, model.abilities.effort_to_send
    if now.thinking == "never":
        return "never"
    words = "always" if now.thinking == "always" else "when told"
    words += f"; told '{sent}'" if sent else ""
    return words + (f" of {', '.join(now.efforts)}" if now.efforts else "")


def _price(model: Model) -> str:
    if model.price is None:
        return "unknown"
    said = f"{model.price.input * 1e6:g} USD a million tokens read, {model.price.output * 1e6:g} written"
    decisions = model.price.decisions
    return (
        said if decisions is None else f"{said}; for decisions {decisions.input * 1e6:g} and {decisions.output * 1e6:g}"
    )


def _as_text(model: Model, assessment: Assessment, facts: Facts, reason: str, loading: float) -> list[str]:
    usage, overall = assessment.usage, assessment.overall
    answer = (
        f"{overall.value:.2f} of {overall.scale[1]:g}"
        if overall.value is not None
        else f"{overall.status}: {overall.reason}"
    )
    lines = {
        "model": clean(assessment.model),
        "read-out": f"{assessment.readout}: {reason}",
        "answer": clean(answer),
        "loading": f"{loading:.1f} s",
        "asking": f"{usage.seconds:.1f} s for {usage.input_tokens} tokens in and {usage.output_tokens} out",
        "cost": "unknown" if usage.cost_usd is None else f"{usage.cost_usd:.6f} USD",
        "price": _price(model),
    }
    rows = [(name, clean(words), f"({source})") for name, (_, words, source) in facts.items()]
    wide = max(len(words) for _, words, _ in rows)
    return [
        *(f"{name:18} {words}" for name, words in lines.items()),
        "",
        *(f"{name:18} {words:{wide}} {source}" for name, words, source in rows),
        *(f"Note: {clean(note)}." for note in assessment.notes),
    ]


def _as_data(model: Model, assessment: Assessment, facts: Facts, reason: str, loading: float) -> dict[str, Any]:
    overall, price = assessment.overall, model.price
    return {
        "model": assessment.model,
        "readout": assessment.readout,
        "why": reason,
        "status": overall.status,
        "value": overall.value,
        "reason": overall.reason,
        "notes": list(assessment.notes),
        "loading_seconds": round(loading, 3),
        "usage": assessment.usage.model_dump(),
        "price": None if price is None else {"input": price.input, "output": price.output},
        "efforts": list(model.abilities.now.efforts),
        "can": {
            name: {"value": value, "says": words, "from": source} for name, (value, words, source) in facts.items()
        },
    }
