"""Where the programs under test are, and the closing line of a test run."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The Makefile names the build; plain `pytest tests/e2e` takes the release.
os.environ.setdefault("IOBENCH_BIN", str(ROOT / "bin"))
os.environ.setdefault("IOBENCH_BUILD", str(ROOT / "build" / "release"))
os.environ.setdefault("IOBENCH_UNIT_BUILDS", os.environ["IOBENCH_BUILD"])
os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")


class ClosingLine:
    """Ends the output with "N passed, N failed"; errors of fixtures and modules are failures."""

    text = ""

    def pytest_terminal_summary(self, terminalreporter):
        def count(*outcomes):
            return sum(len(terminalreporter.stats.get(outcome, [])) for outcome in outcomes)

        self.text = f"{count('passed')} passed, {count('failed', 'error')} failed"

    # pytest prints its own last line after the summary, so this one waits for the very end.
    def pytest_unconfigure(self):
        if self.text:
            print(self.text, flush=True)


def pytest_configure(config):
    config.pluginmanager.register(ClosingLine(), "closing-line")
