"""Values of the command line: what the programs take, checked before anything runs."""

import argparse
import re
from pathlib import Path

DURATION_S = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "": 1, "m": 60, "h": 3600}
SIZE_BYTES = {"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10,
              "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
              "g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}\n")


def quantity(text, units, least, most, allowed):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", text)
    value = float(found[1]) * units[found[2]] if found and found[2] in units else None
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is not {allowed}")
    return value


def duration_s(least):
    """A type: seconds, of at least so many."""
    allowed = f"a duration from {least * 1000:.0f} ms to 1 h, such as 2s or 500ms"
    return lambda text: quantity(text, DURATION_S, least, 3600, allowed)


def duration_text(value):
    """A duration that goes to a program as it was written."""
    duration_s(0)(value)
    return value


def count(most, least=1):
    """A type: a whole number from least to most."""

    def parse(text):
        if not re.fullmatch(r"\d{1,18}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a count from {least} to {most:,}")
        return int(text)

    return parse


def rate(text):
    """Per second; k and m are thousands and millions; 0 is a closed loop."""
    value = quantity(text.lower(), {"": 1, "k": 1e3, "m": 1e6}, 0, 20e6,
                     "a rate from 0 to 20m per second")
    return int(value)


def text(value):
    return value


def size(most, most_text):
    """A type: bytes."""

    def parse(text):
        value = quantity(text.lower(), SIZE_BYTES, 1, most, f"a size from 1 B to {most_text}")
        if value != int(value):
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of bytes")
        return int(value)

    return parse


size_bytes = size(16 << 20, "16 MiB")  # of a message or a block
file_bytes = size(1 << 40, "1 TiB")


def backend(text):
    if not re.fullmatch(r"[a-z][\w:=+,-]*", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not the name of a backend")
    return text


def directory(text):
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' is not a directory")
    return Path(text)


def new_directory(text):
    path = Path(text)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise argparse.ArgumentTypeError(f"'{text}' is not a new or empty directory")
    return path


def output_file(text):
    """What is written when all is measured had better be known to have a place."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' is a directory")
    if not Path(text).resolve().parent.is_dir():
        raise argparse.ArgumentTypeError(f"'{text}': its directory is not there")
    return Path(text)


def one_of(names):
    """A type: one of these texts."""

    def parse(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"'{text}' is not one of {', '.join(names)}")
        return text

    return parse


def several(one):
    """A type: a list of such values, separated by commas, each once."""
    return lambda text: list(dict.fromkeys(one(part.strip()) for part in text.split(",")))
