"""The LiteLLM proxy, the real program, in front of llama.cpp's server with a small model.

It is large, and its pins are not argqual's: `LITELLM_PROXY` names the `litellm` command of an environment with
`pip install 'litellm[proxy]'`. Without that these tests are skipped.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from argqual.errors import ArgqualError, CredentialsError
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.models.connect import Model, connect
from umbrella import TEXT

COMMAND = os.environ.get("LITELLM_PROXY", "")
KEY = "sk-proxy-0123456789"
CONFIGURATION = f"""\
model_list:
  - model_name: small
    litellm_params:
      model: openai/smollm2
      api_base: os.environ/UPSTREAM
      api_key: os.environ/UPSTREAM_KEY
general_settings:
  master_key: {KEY}
"""
STARTS_WITHIN = 120.0

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not COMMAND, reason="LITELLM_PROXY does not name the command of a litellm[proxy]"),
]


@pytest.fixture(scope="module")
def proxy(small_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a proxy that has the small model as `small`."""
    assert small_model.server is not None
    folder: Path = tmp_path_factory.mktemp("proxy")
    (folder / "config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    upstream = small_model.server.address
    settings = {"UPSTREAM": f"{upstream.url}/v1", "UPSTREAM_KEY": upstream.key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    call = [COMMAND, "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    own_path = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(call, env=own_path | settings, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/liveliness", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the proxy does not start: {log.read_text(errors='replace')[-500:]}")


@pytest.mark.parametrize("readout", ["expect", "label", "votes:2"])
def test_a_model_behind_a_proxy_is_asked_as_one_of_one_s_own(proxy: str, two: Framework, readout: str) -> None:
    judge = Judge(two, model=connect("litellm_proxy/small", api_base=proxy, api_key=KEY), readout=readout)
    found = judge.assess(TEXT)
    assert found.usage.input_tokens and found.usage.input_tokens > 100
    assert found.usage.requests <= 2
    for rating in found.ratings:  # of so small a model, also that it is far from any level
        assert rating.value is None or 1 <= rating.value <= 3
        assert rating.value is not None or rating.reason


def test_reasons_go_through_a_proxy_too(proxy: str, two: Framework) -> None:
    model = connect("openai/small", api_base=f"{proxy}/v1", api_key=KEY)
    found = Judge(two, model=model, readout="label", explain=True).assess(TEXT)
    assert all(rating.rationale for rating in found.ratings) or found.overall.reason


def test_a_proxy_s_refusals_are_plain(proxy: str, two: Framework) -> None:
    wrong = connect("litellm_proxy/small", api_base=proxy, api_key="sk-wrong-0123456789")
    with pytest.raises(CredentialsError, match="LITELLM_PROXY_API_KEY"):
        Judge(two, model=wrong, readout="label").assess(TEXT)
    nobody = connect("litellm_proxy/nobody", api_base=proxy, api_key=KEY)
    with pytest.raises(ArgqualError, match="nobody") as caught:
        Judge(two, model=nobody, readout="label").assess(TEXT)
    assert KEY not in str(caught.value) and "Traceback" not in str(caught.value)
    assert caught.value.hint
