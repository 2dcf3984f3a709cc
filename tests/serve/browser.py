"""Chromium without a window, driven over a pipe by its protocol for developers."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 30.0  # seconds


class Browser:
    """One page in a browser of its own.

    Parameters
    ----------
    folder : for the browser's profile.
    width, height : of the window, in pixels.
    dark : whether the user prefers dark pages.
    """

    def __init__(self, folder: Path, width: int = 1400, height: int = 1000, *, dark: bool = False) -> None:
        reads, self._in = os.pipe()
        self._out, writes = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]

        def pipes() -> None:  # the browser reads commands from 3 and writes answers to 4
            first, second = os.dup(reads), os.dup(writes)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(
            [str(BROWSER), *options, f"--user-data-dir={folder}", "about:blank"],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=pipes,
            close_fds=False,
        )
        os.close(reads)
        os.close(writes)
        self._left, self._numbers = b"", itertools.count(1)
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        targets = self.command("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.command("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def command(self, method: str, **parameters: Any) -> Any:
        """What the browser answers to a command."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._out], [], [], PATIENCE)
            assert ready, "the browser does not answer"
            self._left += os.read(self._out, 2**16)
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, address: str) -> None:
        """Go to an address."""
        self.command("Page.navigate", url=address)

    def evaluate(self, script: str) -> Any:
        """The value of an expression of JavaScript in the page."""
        made = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in made, made["exceptionDetails"]
        return made["result"].get("value")

    def wait(self, script: str, value: Any = True, patience: float = PATIENCE) -> None:
        """Wait until an expression has a value; while the page is loading it may have none."""
        until = time.monotonic() + patience
        safe = f"(() => {{ try {{ return {script}; }} catch (error) {{ return String(error); }} }})()"
        while (found := self.evaluate(safe)) != value:
            assert time.monotonic() < until, f"{script} is {found!r}, not {value!r}"
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Type at the cursor."""
        self.command("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key that writes nothing."""
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def complaints(self) -> list[str]:
        """What the page has thrown, logged as an error or been refused."""
        wrong = [event for event in self.events if event["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        return [json.dumps(event["params"]) for event in wrong]

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A picture of what is seen, or of the whole page."""
        made = self.command("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(made["data"]))

    def close(self) -> None:
        """End the browser."""
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
