"""What makes a comparison worth less than it looks: texts, in the order of their weight."""

from iobench import loose, verdicts
from iobench.compare import faults
from iobench.outcomes import listed

HOST = ("name", "os", "cpu_model", "cpus_online", "cpus_allowed", "memory_bytes", "virtualisation",
        "governor", "arch")
# Of a report's config: what differs from run to run, or is what is compared.
RUN_ONLY = loose.INCIDENTAL | {"backend", "engine", "settings"}
STEADY_GAP = 0.5  # of the rounds


def too_few_rounds(subject, found):
    few = [one for one in found if min(one.rounds) < one.verdict.least]
    for count in sorted({min(one.rounds) for one in few}):
        some = [one for one in few if min(one.rounds) == count]
        among = "" if subject.paired else f" among {len(found)} tests"
        yield (f"{count} round{'s' * (count != 1)} can show nothing{among}; at least "
               f"{some[0].verdict.least} ({listed(one.pair.new.cell.name for one in some)})")


def hosts(subject):
    base, new = (found.host() for found in subject.sets)
    if not base or not new:
        return
    differing = [name for name in HOST if base.get(name) != new.get(name)]
    if differing:
        texts = ", ".join(f"{name} {base.get(name)} and {new.get(name)}" for name in differing)
        yield f"not a controlled comparison: the machines differ: {texts}"


def times(subject):
    if subject.paired:
        return
    base, new = (found.plan["created_at"] for found in subject.sets)
    yield (f"measured at different times ({base} and {new}): a difference may well be the "
           "machine's: do not gate on it. --rev measures two revisions interleaved")


def settings(subject):
    """Of runs: their length, where they were pinned, and what the programs say of themselves."""
    base, new = subject.sets
    pins = {str(found.plan["cpus"]) for found in subject.sets}
    if len(pins) > 1:
        yield f"different CPUs: {base.plan['cpus']} and {new.plan['cpus']}"
    by_text = {}
    for pair in subject.pairs:
        timings = [end.found.planned[end.cell.name].timing for end in (pair.base, pair.new)]
        texts = [f"{name} of {old} s and {now} s" for name, old, now in (
            ("windows", timings[0].duration_s, timings[1].duration_s),
            ("warm-ups", timings[0].warmup_s, timings[1].warmup_s)) if old != now]
        configs = [end.samples()[0]["client"]["config"] for end in (pair.base, pair.new)]
        for name in configs[0].keys() & configs[1].keys() - RUN_ONLY:
            if configs[0][name] != configs[1][name]:
                texts.append(f"{name} {configs[0][name]} and {configs[1][name]}")
        for text in texts:
            by_text.setdefault(text, []).append(pair.new.cell.name)
    for text, names in sorted(by_text.items()):
        yield f"different settings: {text} ({listed(names)})"


def one_sided_faults(subject):
    for pair in subject.pairs:
        if pair.base.is_sound() != pair.new.is_sound():
            base, new = (faults.text(faults.of(end)) for end in (pair.base, pair.new))
            yield f"{pair.new.cell.name}: {base} in the base, {new} in the new"


def share(end, of):
    """Of a cell's reports; None when none of them says."""
    values = [value for value in map(of, (sample["client"] for sample in end.samples()))
              if value is not None]
    return sum(values) / len(values) if values else None


def limited(subject):
    names = [pair.new.cell.name for pair in subject.pairs
             if any(share(end, lambda report: report.get("client_limited"))
                    for end in (pair.base, pair.new))]
    if names:
        yield (f"client_limited in {listed(names)}: the client could not do more, so a faster "
               "server would not show; compare CPU cost")


def steady(report):
    block = report.get("steady") or {}
    return block.get("steady") if block.get("enough") else None


def unsteady(subject):
    for pair in subject.pairs:
        base, new = (share(end, steady) for end in (pair.base, pair.new))
        if base is not None and new is not None and abs(base - new) >= STEADY_GAP:
            yield (f"{pair.new.cell.name}: {100 * base:.0f} % of the base's rounds were steady, "
                   f"{100 * new:.0f} % of the new's")


def unread(subject):
    for found in dict.fromkeys(subject.sets):
        yield from (f"not read: {text}" for text in found.problems)


def all_of(subject, found):
    texts = [*hosts(subject), *times(subject), *too_few_rounds(subject, found),
             *one_sided_faults(subject), *settings(subject), *limited(subject),
             *unsteady(subject), *subject.one_sided, *unread(subject)]
    if not found:
        texts.append("nothing to compare: no cell has such rounds on both sides")
    return list(dict.fromkeys(texts))


def level_text(subject, tests):
    """How the verdicts were made, for a note."""
    how = ("sign flips of the rounds' log ratios with Westfall and Young's correction"
           if subject.paired else "Mann and Whitney's U with Holm's correction")
    return f"{verdicts.guarantee(tests)} By {how}."
