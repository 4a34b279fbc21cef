"""How far a sequence of runs is: a bar on a terminal, else a line per run."""

import sys
import time


class Lines:
    """A line for each run that ended; also what the bar counts with."""

    def __init__(self, total, run_s):
        self.total, self.done, self.run_s = total, 0, run_s
        self.start_s = time.monotonic()

    def elapsed_s(self):
        return time.monotonic() - self.start_s

    def left(self):
        return f"about {max(0, self.total * self.run_s - self.elapsed_s()):.0f} s left"

    def begin(self, text):
        pass

    def end(self, text):
        self.done += 1
        self.run_s = self.elapsed_s() / self.done
        self.show(text)

    def show(self, text):
        print(f"[{self.done:{len(str(self.total))}}/{self.total}] {text}, {self.left()}",
              flush=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def bar(total, run_s):
    """The same as a bar; ImportError without rich."""
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, _):
            return Text(lines.left())

    # Drawn once a second: the processors it would take are being measured.
    drawn = Progress(TextColumn("{task.completed}/{task.total}"), BarColumn(30), Left(),
                     TextColumn("{task.description}"), refresh_per_second=1, transient=True)
    task = drawn.add_task("", total=total)

    class Bar(Lines):
        def begin(self, text):
            drawn.update(task, description=text)

        def show(self, _):
            drawn.advance(task)

        def __enter__(self):
            drawn.start()
            return self

        def __exit__(self, *_):
            drawn.stop()

    lines = Bar(total, run_s)
    return lines


def progress(total, run_s):
    """A context with begin(text) and end(text) of each run; run_s is the first estimate."""
    if sys.stdout.isatty():
        try:
            return bar(total, run_s)
        except ImportError:
            pass
    return Lines(total, run_s)
