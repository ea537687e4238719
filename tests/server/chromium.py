# SPDX-License-Identifier: Apache-2.0
"""Drives a headless Chromium by its DevTools protocol, over a pair of pipes."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

from waiting import wait_until

KEYS = {"Tab": 9, "Enter": 13, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
        "ArrowRight": 39, "ArrowDown": 40}


def find_chromium():
    """The browser's path, or None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)


class Browser:
    """A process of the browser with a profile of its own. Use it as a context."""

    def __init__(self, binary, profile):
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # The browser wants descriptors 3 and 4; whatever has these numbers here is not inherited.
        command = [binary, "--headless=new", "--remote-debugging-pipe", "--no-sandbox",
                   "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                   "--no-first-run", "--disable-background-networking", "--disable-extensions",
                   f"--user-data-dir={profile}", "about:blank"]
        script = (f"exec {{a}}<&{to_browser} {{b}}>&{from_browser}; exec 3<&$a 4>&$b "
                  '{a}<&- {b}>&-; exec "$@"')
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command], pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ,
                                                                      "HOME": str(profile)})
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._last = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
            self._process.wait(20)
        except (AssertionError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(self, method, session=None, **parameters):
        """The result of a command. What the browser reports meanwhile goes to `events`."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 180
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _next(self, deadline):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._read, 1 << 16)
            assert data, "the browser has gone"
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, url, **view):
        return Page(self, url, **view)


class Page:
    """A tab. Elements are named by CSS selectors."""

    def __init__(self, browser, url, width=1280, height=900, dark=False, before=""):
        """`before` is a script that runs ahead of those of the page, again with each reload."""
        self._browser = browser
        self._from = len(browser.events)
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target,
                                     flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self.view(width, height, dark)
        self._call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self._call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def _call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def _events(self, method):
        self._call("Runtime.evaluate", expression="0")  # so that pending ones are read
        return [event["params"] for event in self._browser.events[self._from:]
                if event.get("sessionId") == self._session and event["method"] == method]

    def view(self, width, height=900, dark=False):
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                   deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression):
        result = self._call("Runtime.evaluate", expression=expression, awaitPromise=True,
                            returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression):
        wait_until(lambda: self.evaluate(expression), expression)

    def reload(self):
        self.evaluate("window.isOld = true")
        self._call("Page.reload")
        self.wait("!window.isOld && document.readyState === 'complete'")

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")

    def texts(self, selector):
        return self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")

    def click(self, selector):
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def fill(self, selector, text):
        """Replaces a field's text as a person does: marks all of it and types."""
        self.evaluate(f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
                      "e.focus(); e.select(); })()")
        self._call("Input.insertText", text=text)

    def press(self, key, control=False, shift=False):
        modifiers = 2 * control + 8 * shift
        code = {"windowsVirtualKeyCode": KEYS[key], "key": key, "code": key, "modifiers": modifiers}
        typed = {"text": "\r"} if key == "Enter" and not control else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", **code, **typed)
        self._call("Input.dispatchKeyEvent", type="keyUp", **code)

    def screenshot(self, path):
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        picture = self._call("Page.captureScreenshot", captureBeyondViewport=True,
                             clip={**size, "scale": 1})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def requests(self):
        """The addresses that the page asked for."""
        return [event["request"]["url"] for event in self._events("Network.requestWillBeSent")]

    def complaints(self):
        """Exceptions and errors of the console: violations of the content policy, too."""
        thrown = [event["exceptionDetails"]["text"] for event in
                  self._events("Runtime.exceptionThrown")]
        logged = [event["entry"]["text"] for event in self._events("Log.entryAdded")
                  if event["entry"]["level"] == "error"]
        return thrown + logged
