"""Reads the published figures; what is wrong with them is said in one line that names the place."""

import math
import re

from iobench import resultset
from iobench.run import USAGE, Failed


class Entry:
    """An object of the file."""

    def __init__(self, file, where, table):
        self.file, self.where, self.table = file, where, table
        if not isinstance(table, dict):
            self.fail("is not an object")

    def fail(self, text):
        raise Failed(f"{self.file}: {self.where} {text}".replace("  ", " "), USAGE)

    def has(self, name):
        return name in self.table

    def get(self, name):
        if name not in self.table:
            self.fail(f"lacks '{name}'")
        return self.table[name]

    def text(self, name):
        if not isinstance(self.get(name), str):
            self.fail(f"{name}: {self.get(name)!r} is not a text")
        return self.get(name)

    def number(self, name, most=math.inf):
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= most:
            limit = "above 0" if most == math.inf else f"above 0 and at most {most:,}"
            self.fail(f"{name}: {value!r} is not a number {limit}")
        return value

    def count(self, name, most):
        value = self.number(name, most)
        if value != int(value):
            self.fail(f"{name}: {value!r} is not a whole number")
        return int(value)

    def entry(self, name):
        return Entry(self.file, self.place(name), self.get(name))

    def place(self, name):
        return f"{self.where}.{name}" if self.where else name

    def entries(self, name):
        """The objects of a list."""
        return [Entry(self.file, f"{self.place(name)}[{i}]", one)
                for i, one in enumerate(self.list(name))]

    def list(self, name):
        if not isinstance(self.get(name), list):
            self.fail(f"{name}: is not a list")
        return self.get(name)

    def range(self, name):
        """"1.5-2x" as two numbers."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)x?", self.text(name))
        if not found or not 0 < float(found[1]) <= float(found[2]):
            self.fail(f"{name}: '{self.text(name)}' is not a range such as 1.5-2x")
        return float(found[1]), float(found[2])


def load(path):
    """The whole file as an entry."""
    return Entry(path.name, "", resultset.read_json(path))
