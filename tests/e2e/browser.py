"""A headless Chromium for tests, spoken to over a pipe.

Chromium's DevTools protocol needs neither a driver nor a socket: with --remote-debugging-pipe it
reads JSON from descriptor 3 and answers on 4, messages ending in a zero byte. So the headless shell
alone is enough, a third of what Chromium with its driver and Selenium would install.
https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
OS_RELEASE = Path("/etc/os-release")
DEBIAN = OS_RELEASE.exists() and "ID=debian" in OS_RELEASE.read_text(encoding="utf-8").split()
PATIENCE_S = 60
KEYS = {"Enter": 13, " ": 32, "Tab": 9, "ArrowLeft": 37, "ArrowRight": 39}


def program():
    """The path of a Chromium; None without one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """One page. Attributes: messages, what the console and the browser complained of; requests,
    the addresses of everything that was fetched."""

    def __init__(self, profile):
        to_it, ours_out = os.pipe()
        ours_in, from_it = os.pipe()

        # Raised above 3 and 4 first, or one move could overwrite the other's source.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_it, from_it)]

        def wire():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", f"--user-data-dir={profile}", "--remote-debugging-pipe",
             "about:blank"],
            preexec_fn=wire, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (to_it, from_it, *high):
            os.close(fd)
        self.out, self.inn, self.rest = ours_out, ours_in, b""
        self.number, self.session = 0, None
        self.messages, self.requests, self.events = [], [], []
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.call("Target.attachToTarget", targetId=target,
                                     flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def read(self):
        deadline = time.monotonic() + PATIENCE_S
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.inn], [], [], left)[0]:
                raise TimeoutError(f"the browser said nothing for {PATIENCE_S} s")
            some = os.read(self.inn, 1 << 20)
            if not some:
                raise EOFError("the browser has ended")
            self.rest += some
        line, _, self.rest = self.rest.partition(b"\0")
        return json.loads(line)

    def take(self, message):
        method, it = message.get("method"), message.get("params", {})
        self.events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(it["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.messages.append(str(it["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.messages.append(f"{it['type']}: {it['args']}")
        elif method == "Log.entryAdded":
            self.messages.append(f"{it['entry']['level']}: {it['entry']['text']}")

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.take(answer)

    def open(self, path):
        """Loads a file and waits until all of it has run."""
        self.messages, self.requests, self.events = [], [], []
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        while "Page.loadEventFired" not in self.events:
            self.take(self.read())

    def look(self, width, dark, height=900, scale=1):
        """How wide the window is, and which theme its user prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")

    def run(self, expression):
        """The value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                          awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def press(self, key):
        text = {"Enter": "\r", " ": " "}.get(key)
        same = {"key": key, "windowsVirtualKeyCode": KEYS[key]}
        typed = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **same, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **same)

    def picture(self, file=None, clip=None):
        """A PNG of the whole page, or of a part of it."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                          clip=(clip or self.page()) | {"scale": 1})
        data = base64.b64decode(found["data"])
        if file:
            Path(file).write_bytes(data)
        return data

    def page(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"]}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
            self.process.wait(10)
        except (OSError, EOFError, TimeoutError, RuntimeError, subprocess.TimeoutExpired):
            pass
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.out)
            os.close(self.inn)
