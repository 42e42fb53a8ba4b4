"""The argument: a text, and what it answers.

Texts come from strangers. They are kept as they are here; `fence` makes the copy
that may stand in a prompt.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import Any

from argqual.errors import InputError

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class Argument:
    """A text that argues, with what is known about it.

    Parameters
    ----------
    text
        The argument itself.
    issue
        The question it answers ("Should we ban …?").
    stance
        The side it takes.
    context
        What it replies to, or where it stands.
    domain, type
        Kind of text (forum post, speech) and kind of argument (analogy, expert opinion).
    group
        Arguments of one group never stand on both sides of a split.
    labels
        Human judgements by name.

    Raises
    ------
    InputError
        The text is empty, or is not text.
    """

    text: str
    issue: str | None = None
    stance: str | None = None
    context: str | None = None
    id: str | None = None
    domain: str | None = None
    type: str | None = None
    group: str | None = None
    labels: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InputError(f"An argument is text, not {type_name(self.text)}.")
        if not self.text.strip():
            raise InputError(
                "The argument is empty.",
                hint="Give the text of an argument, a file that holds one, or - to read it from a pipe.",
            )
        for name in ("text", "issue", "stance", "context"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"An argument's {name} is text, not {type_name(value)}.")
            if value is not None and _LONE_SURROGATE.search(value):
                raise InputError(f"The argument's {name} is not valid Unicode.", hint="Save the text as UTF-8.")

    def inputs(self) -> dict[str, str]:
        """What a judge may see, by input name; inputs left out or blank are absent."""
        found = {name: getattr(self, name) for name in ("issue", "stance", "context")}
        return {name: value for name, value in found.items() if value and value.strip()} | {"argument": self.text}


def type_name(value: Any) -> str:
    return type(value).__name__


def byte_order(start: bytes) -> str | None:
    """The encoding that the byte-order mark at a file's start tells, where it is not UTF-8."""
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)


def decoded(raw: bytes, encoding: str, *, name: str, hint: str) -> str:
    """Bytes as text without a byte-order mark; an `InputError` names the line and the byte that are none.

    An encoding that Python does not know raises a `LookupError`.
    """
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        said = f"{name}:{line}: not {encoding.upper()} text (byte {error.start} is 0x{raw[error.start]:02x})."
        raise InputError(said, hint=hint) from None


def decode_argument(raw: bytes, *, name: str) -> str:
    """Bytes of a file or a pipe as text: UTF-8, or what a byte-order mark tells."""
    text = decoded(
        raw,
        byte_order(raw) or "utf-8",
        name=name,
        hint="Convert it first, for example: iconv -f WINDOWS-1252 -t UTF-8 FILE.",
    )
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InputError(f"{name}:{line}: a binary file, not text (character 0x{ord(found[0]):02x}).")
    if not text.strip():
        raise InputError(f"{name} is empty.", hint="Give a file that holds the text of an argument.")
    return text


# What could end the fence around an argument, start a field of DSPy's, or be read by a
# model's chat template as the end of a turn: '<tag', '</tag', '<|im_end|>', the same with DeepSeek's
# full-width bars, '[[ ## x ## ]]', and Mistral's '[INST]' and '[TOOL_CALLS]'.
_TAG_OPENER = re.compile(r"<(?=[/|｜!?a-zA-Z])")
_BAR_CLOSER = re.compile(r"(?<=[|｜])(?=>)")
_FIELD_MARKER = re.compile(r"\[(?=\[\s*##)|(?<=##)(\s*)\](?=\])")
_INST = re.compile(r"\[(?=/?(?:[A-Z]+_[A-Z_]+|(?i:INST|SYS))\])")


def fence(text: str) -> str:
    """A copy of untrusted text that cannot end its fence or pass for markup of a prompt.

    A space is put after each character that would open a tag or a marker; nothing
    is removed, so a reader still sees what was written.
    """
    text = _TAG_OPENER.sub("< ", text)
    text = _BAR_CLOSER.sub(" ", text)
    text = _FIELD_MARKER.sub(lambda match: "[ " if match[0] == "[" else f"{match[1]}] ", text)
    return _INST.sub("[ ", text)
