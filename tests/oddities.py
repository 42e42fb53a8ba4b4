"""Odd answers, as servers, gateways and models give them: what each is, and what has to come of it.

Every kind answers a request about the two questions `clear` and `fair`. Where it says the levels 2 and 3 they are to
be read; where it does not, the argument is `unreadable` or `failed`, for the reason that is given. None may end in a
Python error, in another rating, or in a long wait. `ODDITIES` is the table; `answer` makes an answer's parts.
"""

from __future__ import annotations

import copy
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RATED = "2 3"
PLAIN = '{"clear":"2","fair":"3"}'
_CODE = re.compile(r"[1-9]")


@dataclass(frozen=True)
class Odd:
    """An odd answer.

    `ends` is "2 3" for these levels, or a status and a part of its reason (`unreadable: …`, `failed: …`); `expect` the
    same where the read-out of log-probabilities differs, and `litellm` where that transport does not hand the answer
    over as it came. Where a status may be either, they are separated by a bar.
    """

    body: bytes
    ends: str = RATED
    status: int = 200
    headers: str = ""
    expect: str = ""
    litellm: str = ""

    def allows(self, outcome: str, readout: str, engine: str) -> bool:
        """Whether an argument may have ended so: with the levels, or with `status: reason`."""
        usual = self.expect if readout == "expect" and self.expect else self.ends
        ends = self.litellm if engine == "litellm" and self.litellm else usual
        statuses, _, why = ends.partition(": ")
        return outcome.partition(": ")[0] in statuses.split("|") and why in outcome


def _token(text: str, logprob: Any = 0.0) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode("utf-8", "replace"))}


def _tokens(text: str) -> list[dict[str, Any]]:
    """Each digit a token of its own, as likely as can be."""
    pieces = re.findall(r"[1-9]|[^1-9]+", text)
    return [{**_token(piece), "top_logprobs": [_token(piece)]} for piece in pieces]


def answer(text: Any = PLAIN, *, finish: Any = "stop", tokens: Any = None, usage: Any = None, **message: Any) -> Any:
    """A chat completion as data, to be made odd."""
    spoken = text if isinstance(text, str) else ""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "logprobs": {"content": _tokens(spoken) if tokens is None else tokens},
                "finish_reason": finish,
            }
        ],
        "usage": usage or {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }


def said(text: Any = PLAIN, ends: str = RATED, *, expect: str = "", litellm: str = "", **about: Any) -> Odd:
    return Odd(json.dumps(answer(text, **about)).encode(), ends, expect=expect, litellm=litellm)


def changed(change: Callable[[Any], Any], ends: str = RATED, *, expect: str = "", litellm: str = "") -> Odd:
    """A good answer that was changed, as data; `change` changes it or returns another."""
    found = answer()
    other = change(found)
    return Odd(json.dumps(found if other is None else other).encode(), ends, expect=expect, litellm=litellm)


def with_usage(usage: Any, *, litellm: str = "") -> Odd:
    return changed(put(usage, "usage"), litellm=litellm)


def without(*path: str | int) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        for key in path[:-1]:
            found = found[key]
        del found[path[-1]]

    return change


def put(value: Any, *path: str | int) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return change


def first_code(change: Callable[[dict[str, Any]], Any], ends: str = RATED) -> Odd:
    """A good answer whose first code's token was changed; it matters only to who reads log-probabilities."""
    tokens = _tokens(PLAIN)
    change(tokens[1])
    return said(tokens=tokens, expect=ends)


def alternatives(*listed: tuple[Any, Any], ends: str = RATED) -> Odd:
    """A good answer with these texts and log-probabilities where the first code could stand."""
    return first_code(lambda token: token.update(top_logprobs=[_token(*each) for each in listed]), ends)


def pieces(spell: Callable[[str], str], *, octets: bool) -> Odd:
    tokens = [copy.deepcopy(token) for token in _tokens('{"clear": 2, "fair": 3}')]
    for token in tokens:
        for each in (token, *token["top_logprobs"]):
            each["token"] = spell(each["token"])
            each["bytes"] = each["bytes"] if octets else None
    return said('{"clear": 2, "fair": 3}', tokens=tokens)


def raw(body: bytes | str, ends: str, *, status: int = 200, headers: str = "", litellm: str = "") -> Odd:
    return Odd(body.encode() if isinstance(body, str) else body, ends, status, headers, litellm=litellm)


def error(content: Any, ends: str, *, status: int = 200, litellm: str = "") -> Odd:
    return raw(json.dumps(content), ends, status=status, litellm=litellm)


_GOOD = json.dumps(answer()).encode()
_HTML = "<html><head><title>Sign in</title></head><body>Please accept the terms of this network.</body></html>"
_UNUSABLE = "failed: cannot be used"
_REFUSED = "failed: does not rate this text"
_NO_LEVELS = "unreadable: no 2 levels"
_USED_UP = "unreadable: used up its"
_CHUNKS = [{"delta": {"role": "assistant"}}, {"delta": {"content": PLAIN}}, {"delta": {}, "finish_reason": "stop"}]
_STREAM = "".join(
    f"data: {json.dumps({'id': 'x', 'object': 'chat.completion.chunk', 'choices': [{'index': 0, **chunk}]})}\n\n"
    for chunk in _CHUNKS
)

ODDITIES: dict[str, Odd] = {
    # --- How levels are written ---
    "numbers": said('{"clear": 2, "fair": 3}'),
    "decimals_that_are_levels": said('{"clear": 2.0, "fair": 3.0}'),
    "decimals_that_are_none": said('{"clear": 2.5, "fair": 3}', _NO_LEVELS),
    "range": said('{"clear": "2-3", "fair": "3"}', _NO_LEVELS),
    "range_in_words": said("clear: 2 or 3, fair: 3", _NO_LEVELS),
    "negative": said('{"clear": -2, "fair": 3}', _NO_LEVELS),
    "out_of_scale": said('{"clear": 9, "fair": 3}', _NO_LEVELS),
    "per_cent": said('{"clear": "2%", "fair": "3%"}', _NO_LEVELS),
    "null_level": said('{"clear": null, "fair": 3}', _NO_LEVELS),
    "nan_level": said('{"clear": NaN, "fair": 3}', _NO_LEVELS),
    "boolean_level": said('{"clear": true, "fair": 3}', _NO_LEVELS),
    "fraction": said("clear: 2/3\nfair: 3/3"),
    "fraction_in_words": said("clear: 2 out of 3, fair: 3 out of 3"),
    "fraction_of_another_scale": said("clear: 2/10\nfair: 3/10", _NO_LEVELS),
    "bold": said("**Clear**: **2**\n**Fair**: **3**"),
    "full_width": said('{"clear": "２", "fair": "３"}', expect=RATED, tokens=_tokens(PLAIN)),
    "arabic_digits": said('{"clear": "٢", "fair": "٣"}', tokens=_tokens(PLAIN)),
    "number_words": said("clear: two, fair: three", tokens=_tokens(PLAIN)),
    "level_names": said('{"clear": "middle", "fair": "high"}', tokens=_tokens(PLAIN)),
    "level_and_name": said('{"clear": "2 - middle", "fair": "3 (high)"}'),
    "nested": said('{"clear": {"score": 2}, "fair": {"score": 3}}'),
    "nested_with_reason": said('{"clear": {"why": "1 of 3", "level": "2"}, "fair": {"why": "", "level": "3"}}'),
    "arrays": said('{"clear": [2], "fair": [3]}'),
    "arrays_of_two": said('{"clear": [2, 1], "fair": [3]}', _NO_LEVELS),
    "bare_list": said("2, 3"),
    "bare_list_too_long": said("2, 3, 1", _NO_LEVELS),
    "prose_with_numbers": said("It names 2 reasons and leaves 3 open.", _NO_LEVELS),
    "prose": said("I would rather not say.", _NO_LEVELS),
    "table": said("| Criterion | Level |\n|---|---|\n| Clear | 2 |\n| Fair | 3 |"),
    "tags": said("<clear>2</clear><fair>3</fair>"),
    # --- How the questions are named ---
    "other_case": said('{"CLEAR": "2", "Fair": "3"}'),
    "other_order": said('{"fair": "3", "clear": "2"}'),
    "longer_keys": said('{"clear_score": 2, "fair-score": 3}'),
    "translated_keys": said('{"klar": "2", "gerecht": "3"}'),
    "one_key_translated": said('{"fair": "3", "klar": "2"}', _NO_LEVELS),
    "scale_in_key": said('{"clear (1-3)": 2, "fair (1-3)": 3}'),
    "scale_in_text": said("Clear (1-3): 2\nFair (1-3): 3"),
    "scale_in_words": said("Clear (1 = low, 3 = high): 2\nFair (1 = low, 3 = high): 3"),
    "one_key_missing": said('{"clear": "2"}', _NO_LEVELS),
    "more_keys": said('{"clear": "2", "overall": "1", "fair": "3"}'),
    "duplicate_keys": said('{"clear": "1", "clear": "2", "fair": "3"}'),
    # --- What stands around them ---
    "fence": said(f"```json\n{PLAIN}\n```"),
    "byte_order_mark_in_text": said(f"\ufeff{PLAIN}"),
    "trailing_text": said(f"{PLAIN}\n\nClear: it says 1 thing. Fair: no view is named."),
    "taken_back": said('{"clear":"1","fair":"1"}\nOn reflection, clear: 2, fair: 3.', _NO_LEVELS),
    "draft_before": said(f"At first I thought clear: 1 and fair: 1.\n{PLAIN}"),
    "two_objects": said(f'{{"clear":"1","fair":"1"}}\n{PLAIN}'),
    "draft_and_cut_off": said('{"clear":"1","fair":"1"}\n{"clear":"2","fa', _NO_LEVELS, finish="length"),
    "cut_off": said('{"clear":"2","fai', _NO_LEVELS, finish="length"),
    "comments": said('{"clear": "2", // 1 would be harsh\n "fair": "3"}'),
    "python_dict": said("{'clear': '2', 'fair': '3'}"),
    "end_token": said(f"{PLAIN}<|im_end|>"),
    "line_breaks": said('\n\n{\n\n  "clear":\n  "2",\n\n"fair"\n: "3"}\n\n'),
    "empty": said("", "unreadable: the answer is empty"),
    "white_space": said(" \n\t ", "unreadable: the answer is empty"),
    "zero_bytes": said(f"\0{PLAIN}\0"),
    "half_a_character": Odd(_GOOD.replace(b'{\\"clear', b'\\ud83d{\\"clear', 1)),
    # --- Thinking ---
    "thinking_in_text": said(f"<think>clear: 1? fair: 1?</think>{PLAIN}"),
    "thinking_without_begin": said(f"clear: 1? fair: 1?</think>{PLAIN}"),
    "thinking_without_end": said('<think>Perhaps {"clear":"1","fair":"1"}, or', _NO_LEVELS),
    "thinking_in_brackets": said(f"[THINK]clear: 1, fair: 1[/THINK]{PLAIN}"),
    "thinking_beside": said(reasoning_content="clear: 1? fair: 1?"),
    "thinking_beside_otherwise": said(reasoning="clear: 1? fair: 1?"),
    "thinking_only": said("", _USED_UP, reasoning_content="clear: 1? Hmm", finish="length"),
    "thinking_counted_only": said(
        "",
        _USED_UP,
        finish="length",
        usage={
            "prompt_tokens": 9,
            "completion_tokens": 50,
            "total_tokens": 59,
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
    ),
    "nothing_for_length": said("", _USED_UP, finish="length"),
    # --- Refusals and filters ---
    "refusal": said(None, _REFUSED, refusal="I can't help with that."),
    "filtered": said("", _REFUSED, finish="content_filter"),
    "filtered_midway": said('{"clear":"2"', _REFUSED, finish="content_filter"),
    "filtered_after": said(PLAIN, finish="content_filter"),
    "filter_openai": error(
        {
            "error": {
                "message": "Invalid prompt: your prompt was flagged as violating our usage policy.",
                "type": "invalid_request_error",
                "code": "invalid_prompt",
            }
        },
        _REFUSED,
        status=400,
    ),
    "filter_azure": error(
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management "
                "policy.",
                "type": None,
                "param": "prompt",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        _REFUSED,
        status=400,
    ),
    "filter_anthropic": error(
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
        },
        _REFUSED,
        status=400,
    ),
    "filter_openrouter": error(
        {
            "error": {
                "code": 403,
                "message": "Your input was flagged: it requires moderation.",
                "metadata": {"reasons": ["violence"]},
            }
        },
        _REFUSED,
        status=403,
    ),
    "filter_xai": error({"code": "forbidden", "error": "Content violates usage guidelines."}, _REFUSED, status=403),
    "filter_in_200": error({"error": {"code": 400, "message": "The content filter blocked the prompt."}}, _REFUSED),
    "too_long": error(
        {
            "error": {
                "message": "This model's maximum context length is 4096 tokens. However, your messages resulted in "
                "5000 tokens.",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            }
        },
        "failed: too many for the context",
        status=400,
    ),
    "too_large": raw("Payload too large", "failed: too many for the context", status=413),
    # --- Errors under a status of success ---
    "error_in_200": error({"error": {"message": "The model crashed.", "code": 400}}, "failed: The model crashed"),
    "error_text_in_200": error(
        {"error": "The model crashed."}, "failed: The model crashed", litellm="failed: Error in response"
    ),
    "error_object_in_200": error(
        {"object": "error", "message": "The model crashed.", "code": 400}, "failed: crashed", litellm=_UNUSABLE
    ),
    "error_in_choice": changed(
        put({"code": 400, "message": "The model crashed."}, "choices", 0, "error"), "failed: crashed", litellm=RATED
    ),
    "error_null": changed(put(None, "error")),
    "error_empty": changed(put({}, "error")),
    "error_detail": error({"detail": "The model crashed."}, "failed: ", status=400),
    # --- Parts that are missing or of another kind ---
    "no_choices": changed(without("choices"), "unreadable: the answer is empty", litellm=_UNUSABLE),
    "choices_null": changed(put(None, "choices"), "unreadable: the answer is empty", litellm=_UNUSABLE),
    "choices_empty": changed(put([], "choices"), "unreadable: the answer is empty"),
    "choices_object": changed(lambda found: found.update(choices=found["choices"][0]), litellm=_UNUSABLE),
    "choices_two": changed(lambda found: found["choices"].append({**found["choices"][0], "index": 1})),
    "choices_text": changed(put("x", "choices"), "failed|unreadable: "),
    "choice_null": changed(put([None], "choices"), "failed|unreadable: "),
    "message_null": changed(put(None, "choices", 0, "message"), "failed|unreadable: "),
    "message_text": changed(put(PLAIN, "choices", 0, "message"), "failed|unreadable: "),
    "content_null": said(None, "unreadable: the answer is empty"),
    "content_parts": said([{"type": "text", "text": PLAIN}], tokens=_tokens(PLAIN), litellm=_UNUSABLE),
    "content_two_parts": said(
        [{"type": "text", "text": PLAIN[:9]}, {"type": "text", "text": PLAIN[9:]}],
        tokens=_tokens(PLAIN),
        litellm=_UNUSABLE,
    ),
    "content_number": said(23, "failed|unreadable: "),
    "content_object": said({"clear": "2", "fair": "3"}, "failed|unreadable: "),
    "finish_null": said(finish=None),
    "finish_unknown": said(finish="eos_token"),
    "finish_number": said(finish=7),
    "tool_call": said(
        None,
        "unreadable: called a tool",
        finish="tool_calls",
        tool_calls=[{"id": "1", "type": "function", "function": {"name": "rate", "arguments": "{}"}}],
    ),
    "tool_calls_null": said(tool_calls=None),
    "no_model": changed(without("model")),
    "no_id": changed(without("id")),
    "created_text": changed(put("now", "created")),
    "index_missing": changed(without("choices", 0, "index")),
    "more_fields": changed(put({"x": [1, None]}, "choices", 0, "vendor")),
    # --- Usage ---
    "usage_null": with_usage(None),
    "usage_missing": changed(without("usage")),
    "usage_text": with_usage("12 tokens", litellm=_UNUSABLE),
    "usage_numbers_as_text": with_usage({"prompt_tokens": "100", "completion_tokens": "10", "total_tokens": "110"}),
    "usage_negative": with_usage({"prompt_tokens": -1, "completion_tokens": 10, "total_tokens": 9}),
    "usage_fractions": with_usage(
        {"prompt_tokens": 100.0, "completion_tokens": 10.5, "total_tokens": 110.5}, litellm=_UNUSABLE
    ),
    "usage_nested": with_usage(
        {"prompt_tokens": {"text": 100}, "completion_tokens": [10], "total_tokens": None}, litellm=_UNUSABLE
    ),
    "usage_details_text": with_usage(
        {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "prompt_tokens_details": "none"}
    ),
    "usage_list": with_usage([100, 10], litellm=_UNUSABLE),
    # --- Log-probabilities ---
    "logprob_null": alternatives(("2", 0.0), ("3", None)),
    "logprob_clipped": alternatives(("2", 0.0), ("3", -9999.0), ("1", float("-inf"))),
    "logprob_nan": alternatives(("2", 0.0), ("3", float("nan")), ends="unreadable: no log-probability"),
    "logprob_positive": alternatives(("2", 3.0), ends="unreadable: no log-probability"),
    "logprob_a_little_positive": alternatives(("2", 1e-6)),
    "logprob_text": alternatives(("2", "0.0"), ("3", "-20")),
    "logprob_words": alternatives(("2", "likely"), ends="failed|unreadable: "),
    "mass_over_one": alternatives(("2", -0.1), ("1", -0.2), ends="unreadable: add up"),
    "same_text_twice": alternatives(("2", -0.7), ("2", -0.71), ("#", -6.0)),
    "listed_twice": alternatives(("2", 0.0), ("2", 0.0)),
    "chosen_not_listed": first_code(lambda token: token.update(top_logprobs=[_token("#", -9.0)])),
    "chosen_null": first_code(lambda token: token.update(logprob=None)),
    "no_alternatives_here": first_code(lambda token: token.update(top_logprobs=[])),
    "alternatives_null": first_code(lambda token: token.update(top_logprobs=None)),
    "other_level_chosen": first_code(lambda token: token.update(token="1", bytes=None), "unreadable: another answer"),
    "byte_level_pieces": pieces(lambda text: text.replace(" ", "Ġ"), octets=False),
    "sentence_pieces": pieces(lambda text: text.replace(" ", "▁"), octets=False),
    "pieces_with_bytes": pieces(lambda text: text.replace(" ", "Ġ"), octets=True),
    "byte_pieces": pieces(lambda text: f"<0x{ord(text):02X}>" if len(text) == 1 else text, octets=False),
    "bytes_wrong": first_code(lambda token: token.update(bytes=["x"])),
    "logprobs_null": changed(put(None, "choices", 0, "logprobs"), expect="failed: returned none"),
    "logprobs_empty": changed(put({"content": []}, "choices", 0, "logprobs"), expect="failed: returned none"),
    "logprobs_of_another_text": said(tokens=_tokens('{"clear":"3","fair":"3"}'), expect="unreadable: another answer"),
    # --- The answer as a whole ---
    "html": raw(_HTML, _UNUSABLE, headers="Content-Type: text/html\r\n"),
    "nothing": raw("", _UNUSABLE),
    "text": raw("OK", _UNUSABLE),
    "null": raw("null", "failed|unreadable: "),
    "list": raw(json.dumps([answer()]), RATED, litellm="failed|unreadable: "),
    "number": raw("42", "failed|unreadable: "),
    "half": raw(_GOOD[: len(_GOOD) // 2], _UNUSABLE),
    "two_answers": raw(_GOOD + b"\n" + _GOOD, _UNUSABLE),
    "stream": raw(_STREAM, "failed|unreadable: ", headers="Content-Type: text/event-stream\r\n"),
    "byte_order_mark": raw(b"\xef\xbb\xbf" + _GOOD, RATED),
    "utf_16": raw(_GOOD.decode().encode("utf-16"), RATED),
    "latin_1": raw(_GOOD.replace(b'"test"', b'"t\xe9st"'), "2 3|failed: "),
    "gzip_undeclared": raw(gzip.compress(_GOOD), RATED, litellm="failed|unreadable: "),
    "gzip_garbage": raw(b"\x1f\x8b garbage", "failed: ", headers="Content-Encoding: gzip\r\n"),
    "deep": raw(b'{"choices":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "failed|unreadable: "),
    "padded": raw(b"\n\n  " + _GOOD + b"\n\n", RATED),
    "status_201": raw(_GOOD, "2 3", status=201),
    "status_204": raw("", "failed|unreadable: ", status=204),
    "redirect": raw("", "failed: ", status=302),
    "teapot": raw("short and stout", "failed: ", status=418),
}
