"""What a provider refuses about one text, told from what it refuses about all of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argqual import Framework, Judge
from argqual.errors import ArgqualError, CredentialsError, ModelError, TextRefused, TooLongError, UnknownModelError
from argqual.models.connect import connect
from argqual.models.errorbodies import in_one_shape
from loopback import Loopback
from umbrella import KEY, TEXT

OF_THE_TEXT: dict[str, tuple[str, int, Any]] = {
    "openai": ("openai/m", 400, {"error": {"message": "Your request was rejected as a result of our safety system."}}),
    "azure": ("openai/m", 400, {"error": {"message": "Filtered.", "code": "content_filter", "type": None}}),
    "anthropic": (
        "anthropic/claude-x",
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering"}},
    ),
    "anthropic refuses": (
        "anthropic/claude-x",
        200,
        {
            "id": "x",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": "refusal",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    ),
    "gemini prompt": ("gemini/g", 200, {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}),
    "gemini answer": (
        "gemini/g",
        200,
        {"candidates": [{"finishReason": "SAFETY", "finishMessage": "No.", "index": 0}]},
    ),
    "openrouter": ("openai/m", 403, {"error": {"code": 403, "message": "Your input was flagged by moderation."}}),
    "deepseek": ("openai/m", 400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}),
    "alibaba": (
        "openai/m",
        400,
        {"error": {"message": "Input data may contain inappropriate content.", "code": "data_inspection_failed"}},
    ),
}


@pytest.mark.parametrize("case", OF_THE_TEXT)
def test_a_refusal_of_one_text_is_told_as_one(loopback: Loopback, two: Framework, case: str) -> None:
    name, status, content = OF_THE_TEXT[case]
    loopback.reply(status, content)
    base = loopback.url + ("/v1" if name.startswith("openai") else "")
    with pytest.raises(TextRefused, match="does not rate this text") as raised:
        Judge(two, model=connect(name, api_base=base, api_key=KEY), readout="label").assess(TEXT)
    assert raised.value.exit_code == 1
    assert len(loopback.requests) == 1


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (403, "Your account has been blocked.", CredentialsError),
        (401, "Incorrect API key provided.", CredentialsError),
        (400, "Unknown parameter: user.", ModelError),
        (413, "Request entity is bigger than this gateway takes.", TooLongError),
        (400, "The input token count (40000) exceeds the maximum number of tokens allowed (32768).", TooLongError),
    ],
)
def test_a_refusal_of_all_texts_is_not(
    loopback: Loopback, two: Framework, status: int, message: str, kind: type[ArgqualError]
) -> None:
    loopback.reply(status, {"error": {"message": message, "type": "error"}})
    model = connect("openai/m", api_base=f"{loopback.url}/v1", api_key=KEY)
    with pytest.raises(kind) as raised:
        Judge(two, model=model, readout="label").assess(TEXT)
    assert not isinstance(raised.value, TextRefused)


def test_words_of_the_text_itself_make_no_filter(loopback: Loopback, two: Framework) -> None:
    text = "The content policy of our town forbids it, so it was flagged by moderation."
    loopback.reply(400, {"error": {"message": f"Cannot process: {text}", "type": "invalid_request_error"}})
    model = connect("openai/m", api_base=f"{loopback.url}/v1", api_key=KEY)
    with pytest.raises(ModelError) as raised:
        Judge(two, model=model, readout="label").assess(text)
    assert "moderation" not in json.dumps(str(raised.value))


@pytest.mark.parametrize(
    ("model", "said", "remedy"),
    [
        ("nosuch/x", "No provider is called 'nosuch'", "openai/nosuch/x"),
        ("antropic/claude-sonnet-5-5", "Did you mean 'anthropic'", "server of yours"),
        ("vllm/x", "needs another package", "hosted_vllm/x"),
    ],
)
def test_what_litellm_does_not_know_is_said_plainly(two: Framework, model: str, said: str, remedy: str) -> None:
    with pytest.raises(ArgqualError) as caught:
        Judge(two, model=connect(model, api_key=KEY), readout="label").assess(TEXT)
    message = str(caught.value)
    assert said in message and remedy in message
    assert "Traceback" not in message


def test_a_proxy_without_a_database_does_not_know_the_key(loopback: Loopback, two: Framework) -> None:
    said = {"message": "No connected db.", "type": "no_db_connection", "param": None, "code": "400"}
    loopback.reply(400, {"error": said})
    model = connect("litellm_proxy/m", api_base=loopback.url, api_key=KEY)
    with pytest.raises(CredentialsError, match="Set LITELLM_PROXY_API_KEY"):
        Judge(two, model=model, readout="label").assess(TEXT)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("litellm_proxy/m", "/chat/completions: Invalid model name passed in model=m. Call `/v1/models` to view them."),
        ("openrouter/m", "m is not a valid model ID"),
        ("deepseek/m", "Model Not Exist"),
        ("mistral/m", "Invalid model: m"),
        ("lm_studio/m", "Model 'm' not found. Please specify a valid model."),
    ],
)
def test_a_model_that_is_not_there_is_told_from_other_refusals(
    loopback: Loopback, two: Framework, model: str, said: str
) -> None:
    loopback.reply(400, {"error": {"message": said, "type": "invalid_request_error", "code": 400}})
    with pytest.raises(UnknownModelError, match="Check the model's name"):
        Judge(two, model=connect(model, api_base=f"{loopback.url}/v1", api_key=KEY), readout="label").assess(TEXT)


def test_an_error_that_is_nested_without_end_is_passed_on_as_it_is() -> None:
    body = b"[" * 100_000
    assert in_one_shape(body) == body
