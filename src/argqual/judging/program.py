"""A framework as a DSPy program.

Every criterion that is asked becomes an output of type `dspy` `Score` (its levels'
descriptions, lowest first), so that any DSPy optimiser can work on the program and
any read-out can answer it. A gate becomes a `Noul`, a choice of kinds a `Choice`.
Where DSPy ends and argqual begins stands in `argqual.judging.prompt`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import dspy
from dspy.adapters.decision_state import DecisionState
from dspy.adapters.types.decision import Choice, Noul, Score
from dspy.adapters.utils import get_field_description_string
from dspy.predict.predict import serialize_object

from argqual.argument import fence
from argqual.assessment import FrameworkReference
from argqual.errors import FingerprintMismatch
from argqual.frameworks.framework import Criterion, Framework
from argqual.judging.frames.frame import frame_of
from argqual.judging.prompt import Answerable, Explain, Prompt

Definitions = Literal["none", "plain", "full"]
PROGRAM_SCHEMA = "argqual/program@1"
GATE = "gate"
SELECT = "kind"


class RatingProgram(dspy.Module):  # type: ignore[misc]
    """A framework's questions, as predictors that an optimiser can improve.

    `definitions` is what is said of each criterion: its name (`none`), one plain sentence (`plain`), or question,
    definition, guidance and checks (`full`). `rationales` has outputs for a rationale (and a quote) before each
    score: only for models that write DSPy's own format (the `verbal` read-out); the other read-outs ask for notes
    themselves.
    """

    def __init__(self, framework: Framework, *, definitions: Definitions = "full", rationales: bool = False) -> None:
        super().__init__()
        self.framework = framework
        self.definitions = definitions
        self.rationales = rationales
        if framework.select:
            self.select = dspy.Predict(_select_signature(framework))
        self.rate = dspy.Predict(_rate_signature(framework, definitions, rationales))

    def choose(self, *, lm: Any, **inputs: str) -> Any:
        """The kind of argument this is; only for frameworks with `select`."""
        return self.select(lm=lm, signature=self._signature(inputs, select=True), **_fenced(inputs))

    def forward(self, *, lm: Any, only: Iterable[str] | None = None, **inputs: str) -> Any:
        """Rate an argument.

        `lm` is what answers: a decision client, or a `dspy.LM`. `only` are the criteria to ask, all when left out.
        `inputs` are `argument`, and those of issue, stance and context that are known; they are fenced here.
        """
        return self.rate(lm=lm, signature=self._signature(inputs, only), **_fenced(inputs))

    def prompt(
        self,
        present: Iterable[str],
        *,
        only: Iterable[str] | None = None,
        select: bool = False,
        explain: Explain = False,
    ) -> Prompt:
        """What the program asks about every argument with the inputs that are `present`.

        `only` is as for `forward`; `select` has the question of `choose` instead.
        """
        predictor = self.select if select else self.rate
        signature = self._signature(present, only, select=select)
        return compiled(predictor, signature, self.framework, answerables(self.framework), explain=explain)

    def _signature(self, present: Iterable[str], only: Iterable[str] | None = None, *, select: bool = False) -> Any:
        """The signature without the inputs that are absent and the outputs that are not wanted."""
        signature = self.select.signature if select else self.rate.signature
        unwanted = {"issue", "stance", "context"} - set(present)
        if only is not None:
            left_out = {criterion.id for criterion in self.framework.asked} - set(only)
            unwanted |= left_out | {f"{name}_{part}" for name in left_out for part in ("rationale", "quote")}
        for name in unwanted & signature.fields.keys():
            signature = signature.delete(name)
        return signature

    @property
    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of the framework and of all that a prompt is made of."""
        content = {
            "framework": self.framework.fingerprint,
            "definitions": self.definitions,
            "rationales": self.rationales,
            "state": self.dump_state(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def compiled(
    predictor: Any,
    signature: Any,
    framework: Framework,
    known: Mapping[str, Answerable] | None = None,
    *,
    explain: Explain = False,
) -> Prompt:
    """The prompt of a predictor whose outputs are decisions: what DSPy would hand a decision client, read from them.

    `predictor` is a `dspy.Predict`, for its demonstrations and its settings of decisions; `signature` what it is
    called with, whose outputs that are no decisions (rationales) are left out; `framework` tells the language; `known`
    is what else is to be known of questions.
    """
    decisions = DecisionState(signature, predictor.fields)
    questions = {}
    for name, kind in decisions.types.items():
        asked = decisions.fields[name].get("instructions", signature.output_fields[name].json_schema_extra["desc"])
        questions[name] = {"instructions": asked, "type": _type_of(kind), "criteria": decisions.get_criteria(name)}
    state = {
        "instructions": signature.instructions,
        "input_fields": get_field_description_string(signature.input_fields),
        "inputs": dict.fromkeys(signature.input_fields, ""),
    }
    if predictor.demos:
        shown = [{name: value for name, value in demo.items() if name in signature.fields} for demo in predictor.demos]
        state["demos"] = [serialize_object(demo) for demo in shown]
    return Prompt.of(state, questions, known or {}, explain=explain, frame=frame_of(framework.language))


def _type_of(kind: type) -> str:
    """A decision type's name in a request to a decision endpoint."""
    return next(name for name, base in (("noul", Noul), ("score", Score), ("choice", Choice)) if issubclass(kind, base))


def answerables(framework: Framework) -> dict[str, Answerable]:
    """What is to be known of a framework's questions beyond what DSPy hands over."""
    return {
        criterion.id: Answerable(
            levels=tuple(level.written for level in framework.scale_of(criterion).levels),
            abstain=framework.scale_of(criterion).abstain,
            quote=criterion.evidence == "quote",
        )
        for criterion in framework.asked
    }


def save_program(program: RatingProgram, path: Path) -> None:
    """Write a program's instructions and demonstrations as JSON, with what they belong to."""
    content = {
        "schema": PROGRAM_SCHEMA,
        "framework": FrameworkReference.of(program.framework).model_dump(),
        "definitions": program.definitions,
        "rationales": program.rationales,
        "dspy": dspy.__version__,
        "state": program.dump_state(),
    }
    path = Path(os.path.realpath(path))  # a link stays one
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def load_program(path: Path, framework: Framework) -> RatingProgram:
    """Read a saved program for the framework it was made for.

    DSPy restores a signature's fields by position: under a changed framework a
    prompt would silently describe the wrong criterion. So the fingerprint must match.

    Raises
    ------
    FingerprintMismatch
        The file is not a saved program, or belongs to another framework or version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        saved = content["framework"]
        if content["schema"] != PROGRAM_SCHEMA:
            raise KeyError("schema")
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise FingerprintMismatch(f"{path} is not a program saved by argqual ({error}).") from None
    if saved.get("fingerprint") != framework.fingerprint:
        raise FingerprintMismatch(
            f"{path} was made for the framework {saved.get('id')} {saved.get('version')} "
            f"({saved.get('fingerprint')}), not for {framework.id} {framework.version} ({framework.fingerprint}).",
            hint="Load it with the framework file it was made for, or make it again.",
        )
    program = RatingProgram(framework, definitions=content["definitions"], rationales=content["rationales"])
    program.load_state(content["state"])
    return program


def criterion_text(criterion: Criterion, definitions: Definitions, language: str = "en") -> str:
    """What a model is told of a criterion, besides its levels; the words around it are in a language."""
    if definitions == "none":
        return criterion.name
    if definitions == "plain":
        return f"{criterion.name}. {criterion.plain}"
    frame = frame_of(language)
    lines = [f"{criterion.name}. {criterion.question}", criterion.definition]
    if criterion.independent_of:
        lines.append(frame.independent.format(names=", ".join(criterion.independent_of)))
    if criterion.guidance.counts:
        lines.append(frame.counts.format(things="; ".join(criterion.guidance.counts)))
    if criterion.guidance.does_not_count:
        lines.append(frame.does_not_count.format(things="; ".join(criterion.guidance.does_not_count)))
    if criterion.checks:
        lines.append(frame.checks.format(questions=" ".join(criterion.checks)))
    for each in criterion.examples:
        because = f" ({each.rationale})" if each.rationale else ""
        lines.append(frame.example.format(level=f"{each.level:g}", because=because, argument=fence(each.argument)))
    return "\n".join(line.strip() for line in lines if line.strip())


def instructions(framework: Framework, opening: str | None = None) -> str:
    """How every prompt begins: what is to be done, and the framework's guidelines."""
    return "\n\n".join(
        part for part in (opening or frame_of(framework.language).opening, framework.guidelines.strip()) if part
    )


def _input_fields(framework: Framework) -> dict[str, Any]:
    frame = frame_of(framework.language)
    names = [*framework.inputs.declared(), "argument"]
    return {name: (str, dspy.InputField(desc=getattr(frame, name))) for name in names}


def _rate_signature(framework: Framework, definitions: Definitions, rationales: bool) -> Any:
    outputs: dict[str, Any] = {}
    frame = frame_of(framework.language)
    if gate := framework.gate:
        text = gate.question if definitions == "none" else f"{gate.question} {gate.definition}".strip()
        outputs[GATE] = (Noul[(True, frame.yes), (False, frame.no)], dspy.OutputField(desc=text))
    for criterion in framework.asked:
        if rationales:
            outputs[f"{criterion.id}_rationale"] = (
                str,
                dspy.OutputField(desc=frame.rationale.format(name=criterion.name)),
            )
            if criterion.evidence == "quote":
                outputs[f"{criterion.id}_quote"] = (
                    str,
                    dspy.OutputField(desc=frame.quote),
                )
        anchors = _level_texts(framework, criterion, definitions)
        outputs[criterion.id] = (
            Score[anchors],
            dspy.OutputField(desc=criterion_text(criterion, definitions, framework.language)),
        )
    return dspy.Signature({**_input_fields(framework), **outputs}, instructions(framework))


def _level_texts(framework: Framework, criterion: Criterion, definitions: Definitions) -> tuple[str, ...]:
    if definitions == "full":
        return framework.anchors(criterion)
    return tuple(level.label for level in framework.scale_of(criterion).levels)


def _select_signature(framework: Framework) -> Any:
    assert framework.select is not None
    options = tuple((option.id, f"{option.name}. {option.definition}") for option in framework.select.options)
    field = dspy.OutputField(desc=f"{framework.select.name}. {framework.select.question}")
    return dspy.Signature({**_input_fields(framework), SELECT: (Choice[options], field)}, instructions(framework))


def _fenced(inputs: Mapping[str, str]) -> dict[str, str]:
    return {name: fence(text) for name, text in inputs.items()}
