"""Addresses and keys that can be none are told in `connect`, before anything is sent, and without what is secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from argqual.assessment import Status
from argqual.errors import ArgqualError, ModelError, StrategyError
from argqual.judging.judge import Judge
from argqual.models.addresses import decision_server, secrets_in, shown_address
from argqual.models.connect import connect
from argqual.models.names import is_embedded
from argqual.strategies.prompted import Principle
from loopback import Loopback

LEVELS = "relevance: 4\nacceptability: 4\nsufficiency: 4"
HERE = "http://127.0.0.1:8000/v1"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL", "SYSTEMONE_API_BASE", "SYSTEMONE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def refused(model: str = "openai/test", **given: str | None) -> str:
    with pytest.raises(ModelError) as caught:
        connect(model, **given)  # type: ignore[arg-type]
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("model", ["openai/test", "systemone/test"])
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("localhost:8000/v1", "Did you mean http://localhost:8000/v1"),
        ("127.0.0.1:8000/v1", "Did you mean http://127.0.0.1:8000/v1"),
        ("gpu.example.org/v1", "Did you mean http://gpu.example.org/v1"),
        ("//localhost:8000/v1", "Did you mean http://localhost:8000/v1"),
        ("ftp://localhost/v1", "does not begin with http"),
        ("http:/localhost/v1", "does not begin with http"),
        ("http//localhost/v1", "does not begin with http"),
        ("http://", "names no server"),
        ("http:///v1", "names no server"),
        ("http://:8000/v1", "names no server"),
        ("http://localhost:99999/v1", "port '99999'"),
        ("http://localhost:-1/v1", "port '-1'"),
        ("http://localhost:0/v1", "port '0'"),
        ("http://localhost:80a/v1", "port '80a'"),
        ("http://localhost:٨٠/v1", "has the character"),
        ("http://localhost:/v1", "has no port after its colon"),
        ("http://<HOST>:8000/v1", "has '<' in its host"),
        ("http://a,b/v1", "has ',' in its host"),
        ("http://h\\v1", "in its host"),
        ("http://localhost:$PORT/v1", r"port '$PORT'"),
        ("http://[::1/v1", "stands in brackets"),
        ("http://::1]:8000/v1", "stands in brackets"),
        ("http://::1:8000/v1", "stands in brackets"),
        ("http://[nonsense]:8000/v1", "stands in brackets"),
        ("http://[::1]x:8000/v1", "stands in brackets"),
        ("http://local host:8000/v1", "a space"),
        ("http://localhost:8000/v1\n", "a line end"),
        ("http://localhost:8000/v1\u200b", "an invisible character"),
        ("“http://localhost:8000/v1”", "a quotation mark"),
        ("http://münchen.example/v1", "'ü'"),
        ("http://localhost:8000/v1#verysecret", "has a # in it"),
        ("", "is empty"),
        ("  ", "is empty"),
        ("http://me:verysecret@localhost:99999/v1", "port '99999'"),
        ("http://me:very/verysecret@localhost:80/v1", "write / as %2F"),
        ("http://me:12/verysecret@localhost:80/v1", "write / as %2F"),
        ("http://me:very#verysecret@localhost:80/v1", "write / as %2F"),
        ("http://me:very?verysecret@localhost:80/v1", "write / as %2F"),
        ("me:verysecret@localhost:80/v1", "Did you mean http://localhost:80/v1"),
        ("http://me:verysecret@[::1/v1", "stands in brackets"),
    ],
)
def test_what_is_no_address_is_told_with_what_to_write(model: str, address: str, said: str) -> None:
    message = refused(model, api_base=address)
    assert said in message
    assert "verysecret" not in message and "me:" not in message and "very" not in message.replace("every", "")


@pytest.mark.parametrize("variable", ["OPENAI_API_BASE", "OPENAI_BASE_URL"])
def test_an_address_in_a_variable_is_looked_at_too(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "localhost:8000/v1")
    assert f"in {variable} does not begin with http://" in refused()


def test_the_decision_server_s_variable_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMONE_API_BASE", "localhost:8000")
    assert "in SYSTEMONE_API_BASE does not begin with http://" in refused("systemone/test")


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm", "lm_studio"])
@pytest.mark.parametrize("address", ["http://localhost:8000", "http://localhost:8000/"])
def test_a_server_of_the_openai_protocol_wants_v1(provider: str, address: str) -> None:
    message = refused(f"{provider}/test", api_base=address)
    assert "has no path" in message and "http://localhost:8000/v1\n" in message


def test_a_server_that_answers_at_its_root_can_be_asked_too(loopback: Loopback) -> None:
    loopback.say(LEVELS)
    judge = Judge("ratio", model="custom_openai/test", api_base=loopback.url, readout="label")
    assert judge.assess("We should walk, because it is sunny.").status is Status.OK
    assert loopback.paths == ["/chat/completions"]


@pytest.mark.parametrize("end", ["/chat/completions", "/completions", "/models", "/responses/"])
def test_the_address_of_an_endpoint_is_not_that_of_the_server(end: str) -> None:
    assert f"Leave the end out: {HERE}" in refused(api_base=HERE + end)


@pytest.mark.parametrize(
    ("model", "address"),
    [
        ("openai/test", "http://[::1]:8000/v1"),
        ("openai/test", "HTTPS://gpu.example.org/v1/"),
        ("openai/test", "https://gateway.example.org/team/llm"),
        ("openai/test", "https://me:p%40ss@gpu.example.org/v1"),
        ("ollama/qwen3", "http://localhost:11434"),
        ("systemone/test", "http://localhost:8080"),
        ("systemone/test", "http://localhost:8080/v1/systemone"),
    ],
)
def test_what_is_an_address_is_taken(model: str, address: str) -> None:
    connected = connect(model, api_base=address)
    assert "p%40ss" not in f"{connected!r} {connected.identity}"
    assert connected.identity.lower().startswith(("http://", "https://"))


def test_the_path_of_the_decision_endpoint_may_be_given_too() -> None:
    assert decision_server("http://h:1/v1/systemone") == decision_server("http://h:1/v1/") == "http://h:1"
    assert decision_server("http://h:1/gateway/") == "http://h:1/gateway"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("sk-verysecret\n", "has a line end at its end"),
        ("sk-verysecret\r", "has a line end at its end"),
        (" sk-verysecret", "has a space at its beginning"),
        ("sk-very\nsecret", "has a line end in it"),
        ("sk-very\x00secret", "an invisible character"),
        ("sk-verysecret\u200b", "an invisible character"),
        ("“sk-verysecret”", "stands in quotation marks"),
        ('"sk-verysecret"', "stands in quotation marks"),
        ("sk-very’secret", "has the character '’' in it"),
        ("sk–verysecret", "has the character '–' in it"),
        ("Bearer sk-verysecret", "begins with 'Bearer'"),
    ],
)
@pytest.mark.parametrize("model", ["openai/test", "systemone/test"])
def test_a_key_that_can_be_none_is_told_without_the_key(
    model: str, key: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [refused(model, api_base=HERE, api_key=key)]
    variable = f"{model.partition('/')[0].upper()}_API_KEY"
    if "\0" not in key and key:
        monkeypatch.setenv(variable, key)
        messages.append(refused(model, api_base=HERE))
        assert variable in messages[-1]
    for message in messages:
        assert said in message
        assert "secret" not in message and "very" not in message


def test_an_empty_key_of_a_provider_is_told_and_one_for_a_server_of_one_s_own_is_not_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert "The key in OPENAI_API_KEY is empty" in refused()
    assert connect("openai/test", api_base=HERE).name == "openai/test"
    monkeypatch.setenv("GOOGLE_API_KEY", "sk-verysecret\n")
    assert "GOOGLE_API_KEY has a line end" in refused("gemini/gemini-3.5-flash")


@pytest.mark.parametrize("user", ["gandalf:sesame", "gandalf", "gandalf:s%40same"])
def test_user_name_and_password_reach_the_server_and_nothing_else(loopback: Loopback, user: str) -> None:
    address = loopback.url.replace("://", f"://{user}@")
    loopback.say(LEVELS)
    judge = Judge("ratio", model="openai/test", api_base=f"{address}/v1", readout="label")
    assessment = judge.assess("We should walk, because it is sunny.")
    assert assessment.status is Status.OK
    assert loopback.headers[0]["Authorization"].startswith("Basic ")
    said = [assessment.model_dump_json(), repr(judge.model), judge.model.identity]
    loopback.reply(400, {"error": {"message": f"http://{user}@host/ says no to {user}"}})
    said.append(failure(judge))
    assert not [each for each in said if "gandalf" in each or "same" in each]


def failure(judge: Judge) -> str:
    with pytest.raises(ArgqualError) as caught:
        judge.assess("We should not walk.")
    return str(caught.value)


def test_a_decision_server_without_a_key_gets_none_although_a_password_is_in_its_address(loopback: Loopback) -> None:
    answers = {name: {"type": "score", "probabilities": {str(n): 0.2 for n in range(5)}} for name in RATIO}
    loopback.reply(200, {"model": "m", "answers": answers, "usage": {}})
    address = loopback.url.replace("://", "://gandalf:sesame@")
    judge = Judge("ratio", model="systemone/test", api_base=f"{address}/v1")
    assert judge.assess("We should walk, because it is sunny.").status is Status.OK
    assert loopback.headers[0]["Authorization"].startswith("Basic ")
    assert "sesame" not in f"{judge.model!r} {judge.model.identity}"


def test_a_password_is_not_kept_with_a_strategy() -> None:
    with pytest.raises(StrategyError, match="OPENAI_API_BASE") as caught:
        Principle(model="openai/test", api_base="http://gandalf:sesame@127.0.0.1:8000/v1").check()
    assert "sesame" not in str(caught.value)


RATIO = ("relevance", "acceptability", "sufficiency")


def test_an_address_is_shown_without_what_is_secret() -> None:
    assert shown_address("https://me:pa/ss@h:1/v1?key=x") == "https://h:1/v1"
    assert shown_address("me:pass@h:1") == "h:1"
    assert "\x1b" not in shown_address("http://h/\x1b[31m")
    assert secrets_in("http://me2:p%40ss@h/v1?k=1")[:2] == ("me2:p%40ss", "me2:p@ss")
    assert {"me2", "p%40ss", "p@ss", "k=1"} < set(secrets_in("http://me2:p%40ss@h/v1?k=1"))
    assert secrets_in(HERE) == ()


def test_a_gguf_name_under_a_server_s_prefix_is_a_model_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_embedded("openai/x.gguf", HERE)
    assert not is_embedded("openai/x.gguf")
    assert is_embedded("folder/x.gguf") and is_embedded("x.GGUF") and is_embedded("/models/openai/x.gguf")
    assert connect("openai/x.gguf", api_base=HERE).server is None
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "x.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    assert is_embedded("openai/x.gguf") and not is_embedded("openai/x.gguf", HERE)


def test_what_a_server_does_not_find_may_lie_below_v1(loopback: Loopback) -> None:
    judge = Judge("ratio", model="openai/test", api_base=f"{loopback.url}/api", readout="label")
    loopback.reply(404, {"detail": "Not Found"})
    assert "below /v1" in failure(judge)


def test_a_file_of_one_s_own_has_no_address() -> None:
    assert "it has no address" in refused("folder/x.gguf", api_base=HERE)


PATHS = {
    # However people write the address: as the provider's pages do, or as their tools do.
    "anthropic/claude-sonnet-5-5": (["", "/", "/v1", "/v1/"], "/v1/messages"),
    "gemini/gemini-3.5-flash": (["", "/v1beta"], "/v1beta/models/gemini-3.5-flash:generateContent"),
    "ollama/qwen3:8b": (["", "/v1"], "/v1/chat/completions"),
    "anthropic/claude-opus-5-5": (["/gateway/v1"], "/gateway/v1/messages"),
    "mistral/mistral-large-latest": (["/v1"], "/v1/chat/completions"),
    "hosted_vllm/m": (["/v1"], "/v1/chat/completions"),
}


@pytest.mark.parametrize("way", ["option", "variable"])
@pytest.mark.parametrize("model", PATHS)
def test_an_address_is_asked_at_the_path_and_with_the_key_that_its_protocol_has(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, model: str, way: str
) -> None:
    prefix = model.partition("/")[0].upper()
    monkeypatch.setenv(f"{prefix}_API_KEY", "sk-verysecret")
    ends, path = PATHS[model]
    for end in ends:
        address = loopback.url + end
        if way == "variable":
            monkeypatch.setenv(f"{prefix}_API_BASE", address)
        loopback.reply(400, {"error": {"message": "no"}})
        model_there = connect(model, api_base=address if way == "option" else None)
        assert "no" in failure(Judge("ratio", model=model_there, readout="label"))
    assert loopback.paths == [path] * len(ends)
    assert all("sk-verysecret" in str(headers) for headers in loopback.headers)


def test_the_other_variables_of_a_key_count_at_an_address_too(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setenv("GOOGLE_API_KEY", "sk-verysecret")
    loopback.reply(400, {"error": {"message": "no"}})
    assert "no" in failure(Judge("ratio", model=connect("gemini/gemini-3.5-flash", api_base=loopback.url)))
    assert "sk-verysecret" in str(loopback.headers[0])


@pytest.mark.parametrize(
    ("model", "address", "variable"),
    [
        ("litellm_proxy/m", "http://localhost:4000", "LITELLM_PROXY_API_BASE"),
        ("custom_openai/m", "http://localhost:8000", "CUSTOM_OPENAI_API_BASE"),
        ("azure/my-deployment", "https://RESOURCE.openai.azure.com", "AZURE_API_BASE"),
    ],
)
def test_what_has_no_address_but_its_owner_s_is_not_asked_without_one(model: str, address: str, variable: str) -> None:
    message = refused(model)
    assert f"--api-base {address}" in message and variable in message


def test_a_server_of_one_s_own_is_looked_for_where_its_documentation_has_it() -> None:
    assert connect("lm_studio/m").identity == "http://localhost:1234/v1"
    assert connect("xinference/m").identity == "http://localhost:9997/v1"


def test_nothing_is_looked_up_on_the_network_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    from dspy.clients import model_metadata

    looked_up: list[Any] = []
    monkeypatch.delenv("LITELLM_LOCAL_MODEL_COST_MAP", raising=False)
    monkeypatch.setattr(model_metadata, "_data", None)
    monkeypatch.setattr(model_metadata.urllib.request, "urlopen", lambda *given, **_: looked_up.append(given))
    connect("groq/nobody-has-listed-this", api_key="sk-verysecret")
    assert not looked_up


@pytest.mark.parametrize(
    ("model", "variable", "address", "priced"),
    [
        ("openai/gpt-4.1-mini", None, None, True),
        ("openai/gpt-4.1-mini", "OPENAI_API_BASE", "http://127.0.0.1:8000/v1", False),
        ("openai/gpt-4.1-mini", "OPENAI_BASE_URL", "https://models.example.org/v1", False),
        ("openai/gpt-4.1-mini", "OPENAI_API_BASE", "https://openai.com.example.org/v1", False),
        ("openai/gpt-4.1-mini", "OPENAI_API_BASE", "https://eu.api.openai.com/v1", True),
        ("azure/gpt-4.1-mini", "AZURE_API_BASE", "https://mine.openai.azure.com", True),
        ("azure/gpt-4.1-mini", "AZURE_API_BASE", "http://127.0.0.1:4000", False),
        ("mistral/mistral-large-latest", "MISTRAL_API_BASE", "http://127.0.0.1:8000/v1", False),
    ],
)
def test_a_list_price_is_of_its_provider_and_not_of_ones_own_server(
    monkeypatch: pytest.MonkeyPatch, model: str, variable: str | None, address: str | None, priced: bool
) -> None:
    provider = model.partition("/")[0].upper()
    for name in (f"{provider}_API_BASE", f"{provider}_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{provider}_API_KEY", "k")
    if variable and address:
        monkeypatch.setenv(variable, address)
    assert (connect(model).price is not None) is priced
    if variable and address:  # the same where it is given, which is what configuration comes to
        monkeypatch.delenv(variable)
        assert (connect(model, api_base=address).price is not None) is priced
