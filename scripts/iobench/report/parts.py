"""What a report shows, as plain objects: of any result sets, part by part, load by load.

A report has parts; a part has loads (what cells that are compared have in common: 100 connections,
256 B) and series (a backend or an engine of one set); a load has a row of each series that was
measured under it. Texts from files are kept as they are: escaping is for those who write.
"""

import itertools
import re

from iobench import cells, stats
from iobench.parts import PARTS
from iobench.report import measures

COMPARED_METRICS = ("rate", "p99_ns", "response_p99_ns", "server_cpu_us", "cpu_us")
STYLES = 6  # colours, markers and dashes
SCALES = {  # settings whose values can be an axis
    "connections": "connections", "clients": "clients", "size": "message size, bytes",
    "pipeline": "requests in flight per connection", "threads": "threads at each end",
    "depth": "operations in flight", "block": "block size, bytes", "workers": "workers",
}


# ---- comparisons


def compare(metric, one, other):
    """(set, cell) against (set, cell) in one metric: their ratio, and whether it is shown.

    Rounds of one session are neighbours in time: their own ratios are taken. Others were measured
    at another time or place: there the medians' intervals must lie apart.
    """
    own, base = (found.by_round(cell.name, metric) for found, cell in (one, other))
    sessions = {measures.session(found) for found, _ in (one, other)}
    if len(sessions) == 1 and None not in sessions:
        ratios = [own[number] / base[number] for number in own if base.get(number)]
        if not ratios:
            return None
        return measures.estimate(ratios) | {"shown": stats.is_shown(ratios)}
    own, base = measures.estimate(own.values()), measures.estimate(base.values())
    if not own or not base or not base["median"]:
        return None
    return {"median": own["median"] / base["median"], "low": None, "high": None,
            "rounds": min(own["rounds"], base["rounds"]), "shown": apart(own, base)}


def apart(one, other):
    """Of fewer than 4 rounds, whose interval is their range, 10 % of equal pairs would be."""
    if min(one["rounds"], other["rounds"]) < 4:
        return False
    return one["low"] > other["high"] or one["high"] < other["low"]


def places(members):
    """[(best, worst)] rank by rate that the data allow to each: what they do not separate shares
    its ranks. members: [(set, cell)]"""
    rates = [stats.median(found.by_round(cell.name, "rate").values()) for found, cell in members]
    found = [[1, len(members)] for _ in members]
    for i, j in itertools.combinations(range(len(members)), 2):
        ahead, behind = (i, j) if rates[i] > rates[j] else (j, i)
        ratio = compare("rate", members[ahead], members[behind])
        if ratio and ratio["shown"]:
            found[behind][0] += 1
            found[ahead][1] -= 1
    return found


# ---- parts


def model(part, cell):
    return " ".join(str(cell[name]) for name in part.COMPARED)


def heading(part, rows, settings):
    storage = "; ".join(dict.fromkeys(row["storage"] for row in rows if row["storage"]))
    return f"{storage}: {part.heading(settings)}" if storage else part.heading(settings)


class Series:
    """The backends and engines of each set, in the order of their first cell.

    Colour and marker follow the backend, in all parts alike, and dashes the rest. colours: {backend
    or engine: number}, shared by the parts.
    """

    def __init__(self, sets, colours):
        self.sets, self.colours, self.found = sets, colours, {}

    def of(self, index, cell):
        """Its number."""
        values = tuple(cell[name] for name in PARTS[cell.part].COMPARED)
        self.colours.setdefault(values[0], len(self.colours))
        return self.found.setdefault((index, values), len(self.found))

    def listed(self, part):
        variants = list(dict.fromkeys((index, *values[1:]) for index, values in self.found))
        made = []
        for index, values in self.found:
            name, colour = " ".join(map(str, values)), self.colours[values[0]]
            dash = variants.index((index, *values[1:])) if len(variants) > 1 else colour
            made.append({
                "colour": colour % STYLES, "marker": (colour + colour // STYLES) % STYLES,
                "dash": dash % STYLES,
                "label": f"{name}, {self.sets[index].label}" if len(self.sets) > 1 else name,
                "baseline": dict(zip(part.COMPARED, values)) == part.BASELINE})
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
    """{set's index: (set, cell)}: what a set's others are compared with; without the part's
    baseline the first of them."""
    chosen = {}
    for index, found, cell in members:
        if index not in chosen or cells.is_baseline(part, cell):
            chosen[index] = found, cell
    return chosen


def ratios(one, base):
    """{metric: comparison} of a (set, cell) with its baseline; none of the baseline with itself."""
    if one == base:
        return {}
    own, its = ({metric.name for metric in found.metrics(cell.name)} for found, cell in (one, base))
    names = own & its
    return {name: compare(name, one, base) for name in COMPARED_METRICS if name in names}


def make_load(part, key, members, series, starts):
    """Cells that are void have neither a rank nor ratios."""
    rows = [measures.row(found, part, cell, starts[index]) for index, found, cell in members]
    some = [(found, cell) for _, found, cell in members]
    sound = [i for i, one in enumerate(rows) if not one["void"]]
    ranks = dict(zip(sound, places([some[i] for i in sound])))
    baselines = baseline_of(part, members)
    for i, (one, (index, found, cell)) in enumerate(zip(rows, members)):
        base = baselines[index]
        one |= {"rank": ranks.get(i), "series": series.of(index, cell), "set": index,
                "model": model(part, cell), "baseline": model(part, base[1]),
                "is_baseline": base[1] == cell,
                "ratios": ratios(some[i], base) if {i, some.index(base)} <= set(sound) else {}}
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


def make_part(sets, part, starts, colours):
    series, members = Series(sets, colours), loads_of(sets, part)
    loads = [make_load(part, key, some, series, starts)
             for key, some in sorted(members.items(), key=natural(part))]
    shorten(loads)
    return {"name": part.NAME, "title": part.TITLE, "unit": part.UNIT,
            "one": "operation" if part.NAME == "file" else "request", "loads": loads,
            "series": series.listed(part), "scalings": scalings(loads)}


def parts(sets):
    """Those of which something was measured."""
    starts = [start_of(found) for found in sets]
    colours = {}
    return [make_part(sets, part, starts, colours) for part in PARTS.values()
            if loads_of(sets, part)]
