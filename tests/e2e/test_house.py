"""The plan of the house (ARCHITECTURE.md), read from the C files: what they include, how long."""

import re
from collections import defaultdict

import pytest
from harness import ROOT

# Floors from the ground up; what stands on one floor does not know its neighbours. A room is a
# directory, or the files of one name.
FLOORS = [
    ["common/base"],
    ["common/host"],
    ["common/report"],
    ["common/measure"],
    ["common/choose"],
    ["common/uring"],
    ["common/loop"],
    ["client", "server", "udp", "fileio", "copy"],
]
WORKLOADS = FLOORS[-1]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

LONGEST_FILE = 450
LONGEST_FUNCTION = 60

TOP = ["common", *WORKLOADS]
SOURCES = sorted(path for top in TOP for path in (ROOT / top).glob("**/*.[ch]"))
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SOURCES}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def unit_of(name):
    """A .c file and the .h file of its name are one."""
    return re.sub(r"\.[ch]$", "", name)


def room_of(name):
    """The room that a file stands in, or None."""
    rooms = [room for room in FLOOR_OF if re.match(rf"{re.escape(room)}(/|\.[ch]$|_)", name)]
    return max(rooms, key=len, default=None)


def includes(texts):
    """(file, what it includes), for files of the house; a name counts from the top or from here."""
    for name, text in texts.items():
        for other in INCLUDE.findall(text):
            beside = f"{name.rpartition('/')[0]}/{other}"
            yield name, beside if beside in texts else other


def circles(texts):
    """Sets of units that include each other, directly or by way of others."""
    arrows = defaultdict(set)
    for name, other in includes(texts):
        if unit_of(name) != unit_of(other):
            arrows[unit_of(name)].add(unit_of(other))

    def reached(start):
        seen, todo = set(), [start]
        while todo:
            new = arrows[todo.pop()] - seen
            seen |= new
            todo += new
        return seen

    reach = {unit: reached(unit) for unit in list(arrows)}
    return {
        frozenset(other for other in reach if other in reach[unit] and unit in reach[other])
        for unit in reach
        if unit in reach[unit]
    }


def wrong_arrows(texts):
    """Includes that lead up, or to another room of the same floor."""
    for name, other in includes(texts):
        here, there = room_of(name), room_of(other)
        if here == there or here is None or there is None:
            continue
        if FLOOR_OF[there] >= FLOOR_OF[here]:
            yield f"{name} includes {other}"


def functions(text):
    """(name, lines) of each function, from the first line of its head to its closing brace."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        if line != "{":
            continue
        head = start
        while head > 0 and lines[head - 1] and not re.match(r"[#}]|.*(;|\*/)$", lines[head - 1]):
            head -= 1
        name = re.search(r"(\w+)\(", " ".join(lines[head:start]))
        end = lines.index("}", start)
        yield name[1] if name else lines[head], end - head + 1


CONDITION = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b\s*(.*)$", re.M)
PLATFORM = re.compile(r"__(APPLE|linux|FreeBSD|unix|MACH|gnu_linux)_*\b|\b_WIN32\b")


def conditions(text):
    """Conditions of the preprocessor, but for guards of headers and fallbacks of constants."""
    text = re.sub(r"/\*.*?\*/", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.S)
    text = re.sub(r"^#ifndef (\w+)\n#\s*define \1\b", "", text, flags=re.M)
    return [condition.strip() for condition in CONDITION.findall(text)]


def is_feature(condition):
    """A sanitizer, or a constant that newer headers of the system have."""
    return re.fullmatch(r"__SANITIZE_\w+__|(STATX|RWF|UDP|IORING|SO|MSG|CLONE)_\w+", condition)


# ---- includes


def test_there_is_something_to_read():
    assert len(TEXTS) > 100
    assert len(list(includes(TEXTS))) > 200
    missing = [f"{name}: {other}" for name, other in includes(TEXTS) if other not in TEXTS]
    assert missing == []


def test_every_file_is_in_a_room():
    assert [name for name in TEXTS if room_of(name) is None] == []


def test_no_circles():
    assert sorted(" <-> ".join(sorted(circle)) for circle in circles(TEXTS)) == []


def test_arrows_point_down():
    assert list(wrong_arrows(TEXTS)) == []


def test_measure_knows_no_workload():
    """Nor how bytes are moved: what holds for all of them stands under all of them."""
    below = {"common/base", "common/host", "common/report", "common/measure"}
    known = {
        f"{name} includes {other}"
        for name, other in includes(TEXTS)
        if room_of(name) == "common/measure" and room_of(other) not in below
    }
    assert known == set()


def test_workloads_do_not_know_each_other():
    known = {
        f"{name} includes {other}"
        for name, other in includes(TEXTS)
        if room_of(name) in WORKLOADS and room_of(other) in WORKLOADS
        if room_of(name) != room_of(other)
    }
    assert known == set()


# ---- lengths


def test_files_are_short():
    lengths = {name: text.count("\n") for name, text in TEXTS.items()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_fit_a_screen():
    found = {
        f"{name}: {function}": lines
        for name, text in TEXTS.items()
        for function, lines in functions(text)
    }
    assert len(found) > 500
    assert {where: lines for where, lines in found.items() if lines > LONGEST_FUNCTION} == {}


# ---- platforms


def test_platforms_have_files_of_their_own():
    """What differs between systems is in *_linux.c and *_darwin.c, which the Makefile chooses."""
    found = [
        f"{name}: {condition}"
        for name, text in TEXTS.items()
        for condition in conditions(text)
        if PLATFORM.search(condition)
    ]
    assert found == []


def test_conditions_ask_for_features_only():
    found = [
        f"{name}: {condition}"
        for name, text in TEXTS.items()
        for condition in conditions(text)
        if not is_feature(condition) and not PLATFORM.search(condition)
    ]
    assert found == []


# ---- the tests above can fail

MADE_UP = {
    "common/base/a.h": "",
    "common/base/a.c": '#include "common/base/a.h"\n#include "common/measure/m.h"\n',
    "common/measure/m.h": '#include "client/c.h"\n',
    "client/c.h": "",
    "client/c.c": '#include "c.h"\n#include "client/d.h"\n#include "common/base/a.h"\n',
    "client/d.h": '#include "udp/u.h"\n',
    "client/d.c": '#include "client/c.h"\n',
    "udp/u.h": "",
}


def test_circles_are_found():
    assert circles(MADE_UP) == {
        frozenset({"client/c", "client/d"}) | {"common/base/a", "common/measure/m"}
    }
    assert circles({"client/c.c": '#include "client/c.h"\n', "client/c.h": ""}) == set()


def test_wrong_arrows_are_found():
    assert sorted(wrong_arrows(MADE_UP)) == [
        "client/d.h includes udp/u.h",
        "common/base/a.c includes common/measure/m.h",
        "common/measure/m.h includes client/c.h",
    ]


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("common/choose.h", "common/choose"),
        ("common/choose/list.c", "common/choose"),
        ("common/loop/loop.c", "common/loop"),
        ("common/worker.c", None),
        ("client/search.c", "client"),
        ("clients/search.c", None),
    ],
)
def test_rooms(name, room):
    assert room_of(name) == room


def test_lengths_of_functions():
    text = "struct s {\n    int x;\n};\n\n/* why */\nint\nf(int a,\n  int b)\n{\n    g();\n}\n"
    assert list(functions(text)) == [("f", 6)]


def test_conditions_are_found():
    text = "/*\n#if 1\n*/\n#ifndef A_H\n#define A_H\n#if X > 3\n#ifndef B\n#ifdef __APPLE__\n"
    assert conditions(text) == ["X > 3", "B", "__APPLE__"]
    assert is_feature("STATX_DIOALIGN") and not is_feature("B")
