"""A long text rated part by part, and as a whole: what is strong in it, and where it is weak."""

from __future__ import annotations

from collections.abc import Callable

from argqual.argument import Argument
from argqual.assessment import Assessment, Record
from argqual.errors import EXIT_SOME_FAILED, ArgqualError
from argqual.judging.batch import Batch
from argqual.judging.fitting import rated_beginning
from argqual.judging.judge import Judge
from argqual.judging.splitting import Splitting, TextPart, split_text
from argqual.judging.store import Store


class PartAssessment(Record):
    """A part of a text and what a judge says of it: `text == whole[start:end]`, parts are counted from 1."""

    part: int
    start: int
    end: int
    text: str
    assessment: Assessment


class SplitAssessment(Record):
    """A text rated as a whole and part by part.

    Parameters
    ----------
    split
        How the parts were found: `paragraphs` or `arguments`.
    characters, rated_characters
        How long the text is, and the longest beginning of it that fits the model's context: what `whole` is about.
    notes
        Which parts `whole` covers, where it does not cover all.
    """

    split: Splitting
    characters: int
    rated_characters: int
    whole: Assessment
    parts: tuple[PartAssessment, ...]
    notes: tuple[str, ...] = ()

    @property
    def assessments(self) -> tuple[Assessment, ...]:
        """All of them: those of the parts, then that of the whole."""
        return (*(part.assessment for part in self.parts), self.whole)

    def changed(self, change: Callable[[Assessment], Assessment]) -> SplitAssessment:
        """The same with each assessment changed, such as calibrated."""
        parts = tuple(part.model_copy(update={"assessment": change(part.assessment)}) for part in self.parts)
        return self.model_copy(update={"whole": change(self.whole), "parts": parts})


def split_argument(judge: Judge, argument: Argument, by: Splitting = "paragraphs") -> tuple[TextPart, ...]:
    """The parts of an argument's text, none longer than the model's context takes; raises as `Judge.key`."""
    return split_text(argument.text, by, longest=judge.fitting(argument).longest)


def assess_parts(
    judge: Judge,
    argument: Argument | str,
    *,
    by: Splitting = "paragraphs",
    store: Store | None = None,
    concurrency: int | None = None,
    max_cost: float | None = None,
) -> SplitAssessment:
    """Rate the parts of a text and the whole of it; of what is too long for the model's context, its beginning.

    Every part is rated by itself: with the argument's issue, stance and context, and without the other parts. See
    `Batch` for the parameters and errors.

    Raises
    ------
    ArgqualError
        The budget was used up before all parts were rated; what was answered is kept in the store.
    """
    argument = argument if isinstance(argument, Argument) else Argument(argument)
    judge = for_parts(judge)
    parts = split_argument(judge, argument, by)
    texts = [*(part.text for part in parts), argument.text]
    batch: Batch[str] = Batch(judge, store=store, concurrency=concurrency, max_cost=max_cost)
    found = [assessed for _, assessed in batch.run(texts, lambda text: part_of(argument, text))]
    if len(found) < len(texts):
        error = ArgqualError(
            f"Stopped with {len(found)} of {len(parts)} parts rated: more could have led past the most to be spent.",
            hint="What was answered is kept in the store. Try again with a higher --max-cost.",
        )
        error.exit_code = EXIT_SOME_FAILED
        raise error
    *of_parts, whole = found
    rated = rated_beginning(whole.notes, len(argument.text))
    return SplitAssessment(
        split=by,
        characters=len(argument.text),
        rated_characters=rated,
        whole=whole,
        parts=tuple(
            PartAssessment(part=part.number, start=part.start, end=part.end, text=part.text, assessment=assessed)
            for part, assessed in zip(parts, of_parts, strict=True)
        ),
        notes=tuple(_overlap(parts, rated, len(argument.text))),
    )


def for_parts(judge: Judge) -> Judge:
    """The judge, made to rate the beginning of a whole that is too long."""
    if judge.truncate:
        return judge
    made = Judge(
        judge.framework,
        model=judge.model,
        readout=judge.readout.name,
        explain=judge.explain,
        truncate=True,
        program=judge.program,
        demonstrations=judge.demonstrations,
    )
    made.readout = judge.readout
    return made


def part_of(argument: Argument, text: str) -> Argument:
    """The argument with a part of its text in the text's place."""
    return Argument(text, issue=argument.issue, stance=argument.stance, context=argument.context, id=argument.id)


def _overlap(parts: tuple[TextPart, ...], rated: int, of: int) -> list[str]:
    """How far the whole, as it was rated, covers the parts; nothing where it covers them all."""
    if rated >= of:
        return []
    covered = sum(part.end <= rated for part in parts)
    begun = next((part for part in parts if part.start < rated < part.end), None)
    named = "no part in full" if not covered else "part 1" if covered == 1 else f"parts 1 to {covered}"
    share = f" and {(rated - begun.start) / (begun.end - begun.start):.0%} of part {begun.number}" if begun else ""
    return [f"the whole was rated by its first {rated:,} of {of:,} characters ({rated / of:.0%}): {named}{share}"]
