"""The template that `argqual frameworks new` writes."""

_TEMPLATE = """\
# A criteria framework for argqual. Lines that begin with # are notes to you.
# Check it with:   argqual frameworks validate {name}.yaml
# See the prompt:  argqual frameworks prompt {name}.yaml
schema: argqual/framework@1
id: "{name}"
version: "0.1"
title: "{title}"
description: "What this framework is for, in a sentence or two."
language: en
license: CC-BY-4.0

# Where the criteria come from: published, adapted, reconstruction, or own.
provenance:
  status: own
  sources: []
  caveat: "Not validated yet."

# Which inputs a judge sees besides the argument: issue, stance, context,
# each required or optional.
inputs:
  issue: optional

# Shown with every criterion.
guidelines: "Judge the reasoning, not the side it takes."

# Two to ten levels, worst first. Add  abstain: cannot tell  to allow that answer.
scale:
  levels:
    - {{value: 1, label: poor}}
    - {{value: 2, label: fair}}
    - {{value: 3, label: good}}

# weighted_mean, geometric_mean, min, or the id of a criterion that is asked.
aggregate: weighted_mean

criteria:
  - id: support
    name: Support
    plain: "The claim is backed by reasons."
    question: "Does the text give reasons for what it claims?"
    definition: "A reason is a statement that, if granted, makes the claim more credible."
    # What each level means here. Leave it out to use the scale's labels.
    levels:
      1: "No reason is given."
      2: "A reason is given, but it is vague or only asserted."
      3: "At least one specific reason is given and explained."
    # none, or quote: the judge copies the words that show it best.
    evidence: quote
    weight: 2

  - id: fairness
    name: Fairness
    plain: "Other views are treated fairly."
    question: "Are those who think otherwise described as they would describe themselves?"
    guidance:
      counts: ["naming the best reason on the other side"]
      does_not_count: ["mockery, or a view that nobody holds"]
    checks: ["Would an opponent recognise the view ascribed to them?"]

# Arguments whose order is beyond dispute, to try a model on:
#   argqual frameworks validate {name}.yaml --model local
goldens:
  - id: first
    issue: "Should the library open on Sundays?"
    arguments:
      sound: "The library should open on Sundays: it is the only day on which most working people have time to come, and last year's trial Sundays were its busiest days. Those who fear the cost are right that it must be paid for; closing on Mondays instead would pay for it."
      flawed: "The library should open on Sundays, full stop. Only fools who cannot read are against it."
    expect: {{better: sound, worse: flawed, criteria: [overall, support]}}
"""


def template(name: str) -> str:
    """A commented framework that validates."""
    return _TEMPLATE.format(name=name, title=name.replace("-", " ").capitalize())
