"""What a report shows, as plain objects: of any result sets, part by part, load by load.

A report has parts; a part has loads (what cells that are compared have in common: 100 connections,
256 B) and series (a backend or an engine of one set); a load has a row of each series that was
measured under it. Texts from files are kept as they are: escaping is for those who write.
"""

import re

from iobench import cells, pairing
from iobench.parts import PARTS
from iobench.report import comparisons, measures

STYLES = 6  # colours, markers and dashes
SCALES = {  # settings whose values can be an axis
    "connections": "connections", "clients": "clients", "size": "message size, bytes",
    "pipeline": "requests in flight per connection", "threads": "threads at each end",
    "depth": "operations in flight", "block": "block size, bytes", "workers": "workers",
}


# ---- parts


def heading(part, rows, settings):
    storage = "; ".join(dict.fromkeys(row["storage"] for row in rows if row["storage"]))
    return f"{storage}: {part.heading(settings)}" if storage else part.heading(settings)


class Series:
    """The backends and engines of each set, in the order of their first cell.

    Colour and marker follow the backend, in all parts alike, and dashes the rest. colours: {backend
    or engine: number}, shared by the parts.
    """

    def __init__(self, sets, colours):
        self.sets, self.colours, self.found, self.cells = sets, colours, {}, []

    def of(self, index, cell):
        """Its number."""
        values = tuple(cell[name] for name in PARTS[cell.part].COMPARED)
        self.colours.setdefault(values[0], len(self.colours))
        if (index, values) not in self.found:
            self.found[index, values] = len(self.found)
            self.cells.append(cell)
        return self.found[index, values]

    def listed(self, part):
        variants = list(dict.fromkeys((index, *values[1:]) for index, values in self.found))
        made = []
        for (index, values), cell in zip(self.found, self.cells):
            name, colour = part.model(cell), self.colours[values[0]]
            dash = variants.index((index, *values[1:])) if len(variants) > 1 else colour
            made.append({
                "colour": colour % STYLES, "marker": (colour + colour // STYLES) % STYLES,
                "dash": dash % STYLES,
                "label": f"{name}, {self.sets[index].label}" if len(self.sets) > 1 else name,
                "baseline": part.is_baseline(cell)})
        return made


def start_of(found):
    """When a set's first run began."""
    began = [measures.seconds(report["started_at"]) for report in found.reports()]
    return min((at for at in began if at is not None), default=None)


def loads_of(sets, part):
    """{load: [(set's index, set, cell)]} of what was measured, in the order of the sets' plans."""
    loads = {}
    for index, found in enumerate(sets):
        for cell in found.cells(part.NAME):
            if found.samples[cell.name]:
                loads.setdefault(cells.group_of(part, cell), []).append((index, found, cell))
    return loads


def baseline_of(part, members):
    """{set's index: End}: what a set's others are compared with; without the part's
    baseline the first of them."""
    chosen = {}
    for index, found, cell in members:
        if index not in chosen or part.is_baseline(cell):
            chosen[index] = pairing.End(found, cell)
    return chosen


def make_load(part, key, members, series, starts, asked):
    """Cells that are void have neither a rank nor ratios. asked: what is to be compared with what
    is added to it."""
    rows = [measures.row(found, part, cell, starts[index]) for index, found, cell in members]
    ends = [pairing.End(found, cell) for _, found, cell in members]
    sound = [i for i, one in enumerate(rows) if not one["void"]]
    ranks = dict(zip(sound, comparisons.places([ends[i] for i in sound])))
    baselines = baseline_of(part, members)
    for i, (one, (index, found, cell)) in enumerate(zip(rows, members)):
        base = baselines[index]
        one |= {"rank": ranks.get(i), "series": series.of(index, cell), "set": index,
                "model": part.model(cell), "baseline": part.model(base.cell),
                "is_baseline": base.cell == cell, "ratios": {}}
        if ends[i] != base and {i, ends.index(base)} <= set(sound):
            asked += comparisons.wanted(one["ratios"], base, ends[i])
    settings = members[0][2].settings
    return {"heading": heading(part, rows, settings), "settings": dict(key), "rows": rows,
            "open": bool(settings.get("rate"))}


def natural(part):
    """Sorts loads: plain ones first, then by their numbers."""

    def key(item):
        settings = dict(item[0])
        special = sum(value != part.KEYS[name].default for name, value in settings.items()
                      if name not in SCALES and name != "direct")
        return special, [value for value in settings.values() if isinstance(value, (int, str))]

    return key


def shorten(loads):
    """Adds to each load a heading without the words that all of them have."""
    # Commas within brackets stay.
    words = [re.split(r", (?![^(]*\))|: ", load["heading"]) for load in loads]
    common = set(words[0]).intersection(*words[1:])
    for load, some in zip(loads, words):
        load["short"] = ", ".join(word for word in some if word not in common) or load["heading"]


def scalings(loads):
    """Charts of rate over a setting: of loads that differ in it alone, at three values or more."""
    made = []
    for name, title in SCALES.items():
        families = {}
        for number, load in enumerate(loads):
            if name in load["settings"]:
                rest = tuple((key, str(value)) for key, value in load["settings"].items()
                             if key != name)
                families.setdefault(rest, []).append((load["settings"][name], number))
        for members in families.values():
            members.sort()
            if len({value for value, _ in members}) >= 3:
                lines = {}
                for value, number in members:
                    for one in loads[number]["rows"]:
                        lines.setdefault(one["series"], []).append([value, one["rate"]])
                made.append({"title": title, "setting": name, "loads": [n for _, n in members],
                             "lines": [{"series": series, "points": points}
                                       for series, points in lines.items()]})
    return made


def make_part(sets, part, starts, colours, asked):
    series, members = Series(sets, colours), loads_of(sets, part)
    loads = [make_load(part, key, some, series, starts, asked)
             for key, some in sorted(members.items(), key=natural(part))]
    shorten(loads)
    return {"name": part.NAME, "title": part.TITLE, "unit": part.UNIT,
            "one": "operation" if part.NAME == "file" else "request", "loads": loads,
            "series": series.listed(part), "scalings": scalings(loads)}


def parts(sets):
    """Those of which something was measured."""
    starts, colours, asked = [start_of(found) for found in sets], {}, []
    made = [make_part(sets, part, starts, colours, asked) for part in PARTS.values()
            if loads_of(sets, part)]
    count = comparisons.attach(asked)
    return [one | {"judged_together": count} for one in made]
