"""A headless Chromium, steered over a pipe: pages as a reader with this screen would see them.

It is found as `chromium` (Debian's package), `chromium-browser` or `google-chrome`, or named by ARGQUAL_CHROMIUM.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    return os.environ.get("ARGQUAL_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page. `messages` are what the console said, errors and what a policy refused among them."""

    def __init__(self, program: str, profile: Path) -> None:
        self._to_browser, self._from_browser = os.pipe(), os.pipe()
        theirs = (self._to_browser[0], self._from_browser[1])
        command = [
            "bash", "-c", f'exec 3<&{theirs[0]} 4>&{theirs[1]}; exec "$0" "$@"', program,
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--hide-scrollbars=false", f"--user-data-dir={profile}",
            "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        log = (profile.parent / "chromium.log").open("wb")
        self._process = subprocess.Popen(command, pass_fds=theirs, stderr=log, stdout=log)
        for end in theirs:
            os.close(end)
        self._number, self._buffer, self._session = 0, b"", ""
        self.messages: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to_browser[1], json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                found: dict[str, Any] = said["result"]
                return found

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._from_browser[0], 1 << 16)
            if not more:
                raise RuntimeError("Chromium has ended")
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\0", 1)
        said: dict[str, Any] = json.loads(line)
        self._note(said)
        return said

    def _note(self, said: dict[str, Any]) -> None:
        method, given = said.get("method"), said.get("params", {})
        if method == "Log.entryAdded":
            self.messages.append(given["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.messages.append(str([each.get("value") for each in given["args"]]))
        elif method == "Runtime.exceptionThrown":
            self.messages.append(given["exceptionDetails"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.messages.append(f"dialog: {given['message']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])

    def open(self, path: Path, *, width: int, height: int = 900, dark: bool = False, paper: bool = False) -> None:
        """Open a file on a screen of this size (CSS pixels)."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "", features=scheme)
        self.call("Page.navigate", url=path.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """The page as PNG; `whole` also what would have to be scrolled to."""
        given: dict[str, Any] = {"format": "png"}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            given |= {"captureBeyondViewport": True, "clip": size | {"x": 0, "y": 0, "scale": 1}}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **given)["data"]))

    def close(self) -> None:
        for end in (self._to_browser[1], self._from_browser[0]):
            os.close(end)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    program = find_chromium()
    assert program is not None
    found = Browser(program, folder / "profile")
    try:
        yield found
    finally:
        found.close()
