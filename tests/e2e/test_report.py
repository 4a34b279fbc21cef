"""scripts/report: what its files say of given figures, and what it makes of faulty ones.

What a reader sees of report.html is in test_report_browser.py.
"""

import importlib.util
import json
import os
import random
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import browser
import made_up
import pytest
from harness import BIN
from made_up import Round, cell

from iobench import report as report_module
from iobench.report import inputs, page as report_page

pytestmark = pytest.mark.skipif(
    not browser.DEBIAN and not report_page.found(),
    reason="no D3 here; on Debian, where make test installs it, that is a failure")

SCRIPTS = made_up.ROOT / "scripts"
EPOLL, URING, LIBEV = (cell("tcp", backend=name) for name in ("epoll", "io_uring", "libev"))
STEADY = [100e3, 101e3, 99e3, 100.5e3, 99.5e3, 100e3]
OTHER = {"name": "other", "os": "Darwin 24.6.0", "arch": "arm64", "cpu_model": "Apple M4"}


def scaled(factor, rates=STEADY):
    return [rate * factor for rate in rates]


def report(*args, status=0, env=None):
    done = subprocess.run([SCRIPTS / "report", *map(str, args)], text=True, capture_output=True,
                          timeout=60, env=env, check=False)
    assert done.returncode == status, done.stderr
    return done


def markdown(*args, **options):
    """report.md and stderr, of sets in the first one's directory."""
    done = report(*args, "--format", "md", **options)
    return (Path(args[0]) / "report.md").read_text(encoding="utf-8"), done.stderr


def rows(text, model):
    """The cells of a model's rows in report.md."""
    lines = [[part.strip() for part in line.strip("| ").split(" | ")]
             for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if len(line) > 4 and line[2] == model]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def page(path):
    return Page((path / "report.html").read_text(encoding="utf-8"))


def test_writes_beside_the_results_and_says_where(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: STEADY})
    done = report(tmp_path)
    assert [Path(line).name for line in done.stdout.splitlines()] == ["report.md", "report.html"]
    assert done.stderr == ""
    assert (tmp_path / "report.md").exists() and (tmp_path / "report.html").exists()


def test_output_goes_elsewhere(tmp_path):
    made_up.result_set(tmp_path / "set", {EPOLL: STEADY})
    report(tmp_path / "set", "--output", tmp_path / "new" / "place")
    assert (tmp_path / "new" / "place" / "report.html").exists()
    assert not (tmp_path / "set" / "report.html").exists()


def test_the_page_needs_nothing_else(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: STEADY, URING: scaled(1.2)})
    report(tmp_path)
    found = page(tmp_path)
    for tag, attributes in found.tags:
        assert not {"src", "srcset", "data"} & attributes.keys(), (tag, attributes)
        assert tag not in ("link", "iframe", "object"), attributes
        assert attributes.get("href", "#").startswith("#")
    policy = next(attributes["content"] for tag, attributes in found.tags
                  if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_each_verdict_is_said(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: STEADY, URING: scaled(1.2),
                                  LIBEV: [99e3, 102e3, 98e3, 101e3, 99e3, 101e3]})
    text, _ = markdown(tmp_path)
    assert "io_uring against epoll: **more requests/s (+20 %; +20 %" in text
    assert "libev against epoll: **equal within 3 % (" in text
    assert [row[-2] for row in rows(text, "io_uring")] == ["**1.200 ±0.000†**"]
    assert [row[-2] for row in rows(text, "libev")] == ["equal ±3 %†"]
    assert "6 rounds each. In all " in text and "no difference" not in text
    assert "at most 3.1 % of runs call something different that is not" in text


def test_what_is_too_noisy_to_tell_says_what_would_have_been_seen(tmp_path):
    restless = [100e3, 130e3, 80e3, 120e3, 70e3, 100e3]
    made_up.result_set(tmp_path, {EPOLL: STEADY, LIBEV: restless})
    text, _ = markdown(tmp_path)
    assert re.search(r"libev against epoll: \*\*too noisy to tell \(would have seen \d+ %\)", text)
    assert re.fullmatch(r"unclear ±\d+ %†", rows(text, "libev")[0][-2])
    report(tmp_path)
    assert re.search(r"too noisy to tell \(would have seen \d+ %\)", "".join(page(tmp_path).text))


def test_headlines_count_the_loads_of_each_verdict(tmp_path):
    rates = {1: scaled(1.2), 2: STEADY, 3: [100e3, 160e3, 60e3, 120e3, 70e3, 100e3]}
    found = {}
    for count, some in rates.items():
        found[cell("tcp", backend="epoll", connections=count)] = STEADY * 2
        found[cell("tcp", backend="libev", connections=count)] = some * 2
    made_up.result_set(tmp_path, found)
    text, _ = markdown(tmp_path)
    assert re.search(r"libev against epoll: \*\*more requests/s at 1 connection \(\+20 %\), equal "
                     r"within 3 % in 1, too noisy to tell in 1 \(would have seen \d+ %\)\*\*", text)
    report(tmp_path)
    shown = " ".join("".join(page(tmp_path).text).split())
    assert "▲ +20 %" in shown and "= equal within 3 %" in shown and "? too noisy" in shown


def test_without_scipy_nothing_is_judged(tmp_path):
    made_up.result_set(tmp_path / "set", {EPOLL: STEADY, URING: scaled(1.2)})
    report(tmp_path / "set", env=os.environ | without("scipy", tmp_path))
    text = (tmp_path / "set" / "report.md").read_text(encoding="utf-8")
    assert "io_uring against epoll: **not judged (+20 %)**" in text
    assert rows(text, "io_uring")[0][0] == "1–2" and rows(text, "io_uring")[0][-2] == "1.20?†"
    assert text.count("no verdicts on ratios") == 1 and "scripts/install-deps bench" in text
    assert "not judged" in "".join(page(tmp_path / "set").text)


def test_ranks_that_the_rounds_do_not_separate_are_shared(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: STEADY, URING: scaled(1.5),
                                  LIBEV: [99e3, 102e3, 98e3, 101e3, 99e3, 101e3]})
    text, _ = markdown(tmp_path)
    ranks = {model: rows(text, model)[0][0] for model in ("io_uring", "epoll", "libev")}
    assert ranks == {"io_uring": "1", "epoll": "2–3", "libev": "2–3"}


def test_errors_and_starved_connections_make_a_comparison_void(tmp_path):
    lossy = [Round(200e3, errors={"timeout": 1}), *scaled(2)[1:]]
    unfair = [Round(300e3, starved=40), *scaled(3)[1:]]
    made_up.result_set(tmp_path, {EPOLL: STEADY, URING: lossy, LIBEV: unfair})
    text, _ = markdown(tmp_path)
    found = {model: rows(text, model)[0] for model in ("epoll", "io_uring", "libev")}
    assert [found[model][0] for model in found] == ["1", "-", "-"]
    assert [found[model][-2] for model in found] == ["1", "-", "-"]
    assert found["io_uring"][10] == "void: errors; 1 error"
    assert found["libev"][10] == "void: 40 connections never served"
    assert "against epoll" not in text


def test_limits_of_the_client_stand_beside_its_rate(tmp_path):
    some = [Round(100e3, limited="it was busy"), Round(100e3), Round(100e3)]
    made_up.result_set(tmp_path, {EPOLL: some})
    text, _ = markdown(tmp_path)
    assert rows(text, "epoll")[0][10] == "client-limited in 1 of 3"
    assert "in 1 of 3 runs: it was busy" in text


def test_a_figure_that_differs_from_run_to_run_is_a_range(tmp_path):
    """Once failed: the first run's figure was said of all of them."""
    shares = ["99 %", "97.5 %", "1,234 %"]
    some = [Round(100e3, limited=f"at work for {share} of 1 window") for share in shares]
    made_up.result_set(tmp_path, {EPOLL: some})
    text, _ = markdown(tmp_path)
    assert "in 3 of 3 runs: at work for 97.5 to 1,234 % of 1 window" in text


def test_two_rounds_show_nothing(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: STEADY[:2], URING: scaled(2, STEADY[:2])})
    text, _ = markdown(tmp_path)
    assert "2 rounds each: too few to show anything" in text
    assert "io_uring against epoll: **too few rounds to tell**" in text
    assert rows(text, "io_uring")[0][-2] == "unclear†"
    assert rows(text, "io_uring")[0][0] == "1–2"


def test_three_rounds_of_two_sessions_show_nothing(tmp_path):
    """Ranges of three rounds lie apart in one of ten equal pairs; of four, in one of 35."""
    for rounds, ranks in ((3, ["1–2", "1–2"]), (4, ["1", "2"])):
        for name, factor in (("a", 1), ("b", 2)):
            made_up.result_set(tmp_path / f"{name}{rounds}", {EPOLL: scaled(factor)[:rounds]},
                               session=name)
        text, _ = markdown(tmp_path / f"a{rounds}", tmp_path / f"b{rounds}")
        assert [row[0] for row in rows(text, "epoll")] == ranks


def test_the_published_columns(tmp_path):
    one = Round(100e3, intervals=[80e3, 150e3, 70e3])
    made_up.result_set(tmp_path, {EPOLL: [one, Round(110e3), Round(90e3)]})
    text, _ = markdown(tmp_path)
    row = rows(text, "epoll")[0]
    assert row[3] == "100 k (90.0 k to 110 k)"
    # 100,000 requests of 256 B, there and back; the best interval had 150,000 per second.
    assert (row[4], row[5]) == ("48.8", "73.2")
    assert row[6] == "±10.0 %"


def test_percentiles_are_of_all_requests_together(tmp_path):
    # Of 100,000 requests, 2 % take 9 ms, all in one round: P99 is 9 ms, not the rounds' average.
    fast, slow = {100e3: 1.0}, {100e3: 0.96, 9e6: 0.04}
    made_up.result_set(tmp_path, {EPOLL: [Round(100e3, fast), Round(100e3, slow)]})
    text, _ = markdown(tmp_path)
    p50, p99 = rows(text, "epoll")[0][7:9]
    assert p50 == "100 µs"
    assert p99 == "9.00 ms"


def test_a_percentile_needs_requests_beyond_it(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: [Round(1000, {1e6: 1.0})]})
    text, _ = markdown(tmp_path)  # 500 requests: 5 beyond P99
    assert rows(text, "epoll")[0][7:9] == ["1.00 ms", "-"]


def test_open_loops_show_response_times(tmp_path):
    some = [Round(50e3, {10e3: 1.0}, response_ns={5e6: 1.0})] * 3
    one, other = (cell("tcp", backend=name, rate=50000) for name in ("epoll", "io_uring"))
    made_up.result_set(tmp_path, {one: some, other: some})
    text, _ = markdown(tmp_path)
    assert rows(text, "epoll")[0][7] == "5.00 ms"
    assert "P99 of the response time" in text
    assert "more requests/s" not in text and "P99 latency" not in text


def test_two_machines_stand_in_one_table(tmp_path):
    made_up.result_set(tmp_path / "a", {EPOLL: STEADY}, label="vm")
    made_up.result_set(tmp_path / "b", {EPOLL: scaled(2)}, label="laptop", host=OTHER)
    text, _ = markdown(tmp_path / "a", tmp_path / "b")
    both = rows(text, "epoll")
    assert [row[0] for row in both] == ["1", "2"]
    assert both[0][1] == "Darwin 24.6.0 arm64" and both[1][1].startswith("Linux")
    assert text.count("Not a controlled comparison") == 1
    assert "|  | vm | laptop |" in text and "Apple M4" in text
    report(tmp_path / "a", tmp_path / "b")
    shown = "".join(page(tmp_path / "a").text)
    assert "Not a controlled comparison" in shown and "Apple M4" in shown


def test_sets_of_one_machine_are_interleaved_or_not(tmp_path):
    for name, session in (("a", "one"), ("b", "one"), ("c", "two")):
        made_up.result_set(tmp_path / name, {EPOLL: STEADY}, label=name, session=session)
    text, _ = markdown(tmp_path / "a", tmp_path / "b")
    assert "controlled" not in text and "not interleaved" not in text
    text, _ = markdown(tmp_path / "a", tmp_path / "c")
    assert "a and c were measured one after the other, not interleaved" in text


def test_sets_of_one_name_are_told_apart(tmp_path):
    for name in ("a", "b"):
        made_up.result_set(tmp_path / name, {EPOLL: STEADY}, label="same")
    text, _ = markdown(tmp_path / "a", tmp_path / "b")
    assert "|  | same | same (2) |" in text


FAULTS = {
    "older": (lambda text: text.replace('"schema_version": 1', '"schema_version": 0'),
              "schema version 0"),
    "truncated": (lambda text: text[:len(text) // 2], "truncated, or no JSON"),
    "empty": (lambda text: "", "truncated, or no JSON"),
    "another tool": (lambda text: text.replace('"bench_client"', '"wrk"'), "'wrk'"),
    "a list": (lambda text: "[1, 2]", "not of this suite"),
    "without a rate": (lambda text: text.replace('"rate"', '"rat"'), "not a whole report"),
    "a rate in words": (lambda text: re.sub(r'"qps": [\d.]+', '"qps": "fast"', text),
                        "not a whole report"),
    "a broken histogram": (lambda text: text.replace('"HIST', '"HOST'), "not a whole report"),
    "without a host": (lambda text: text.replace('"host"', '"hos"'), "not a whole report"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_one_line_and_the_rest_is_reported(tmp_path, fault):
    made_up.result_set(tmp_path, {EPOLL: STEADY, URING: scaled(1.2)})
    file = tmp_path / "raw" / f"{URING.name}-2.client.json"
    spoil, why = FAULTS[fault]
    file.write_text(spoil(file.read_text(encoding="utf-8")), encoding="utf-8")
    done = report(tmp_path)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and why in lines[0] and f"{URING.name}-2" in lines[0]
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "Not read" in text and rows(text, "io_uring")
    assert why.strip("'") in "".join(page(tmp_path).text)


def places(value, above=()):
    """The paths of all members of a JSON document."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        yield (*above, key)
        if isinstance(member, (dict, list)):
            yield from places(member, (*above, key))


@pytest.mark.parametrize("seed", range(4))
def test_no_member_of_another_form_stops_a_report(tmp_path, seed):
    """Five times something else in a random place: what is left of the sets is reported."""
    draw = random.Random(seed)
    some = [cell(part, **{key: name}) for part, key, names in (
        ("tcp", "backend", ("epoll", "libev")), ("udp", "backend", ("epoll",)),
        ("file", "engine", ("sync", "libaio"))) for name in names]
    made_up.result_set(tmp_path, {one: STEADY[:3] for one in some})
    files = [*sorted((tmp_path / "raw").iterdir()), *[tmp_path / "plan.json"] * 3]
    for _ in range(5):
        file = draw.choice(files)
        text = file.read_text(encoding="utf-8")
        changed = json.loads(text)
        *above, last = draw.choice(list(places(changed)))
        holder = changed
        for key in above:
            holder = holder[key]
        holder[last] = draw.choice([None, "x", -1, 0, [], {}, ["a"], {"a": 1}, True, 1e300])
        file.write_text(json.dumps(changed), encoding="utf-8")
        for paths in ([tmp_path], sorted((tmp_path / "raw").iterdir())):
            sets, problems = inputs.read(paths)
            assert sets or problems
            report_module.write(sets, tmp_path / "out", problems=problems)
        file.write_text(text, encoding="utf-8")


def test_a_faulty_set_does_not_keep_the_others_from_being_reported(tmp_path):
    made_up.result_set(tmp_path / "good", {EPOLL: STEADY})
    made_up.result_set(tmp_path / "old", {EPOLL: STEADY})
    plan = json.loads((tmp_path / "old" / "plan.json").read_text(encoding="utf-8"))
    (tmp_path / "old" / "plan.json").write_text(json.dumps(plan | {"schema_version": 1}),
                                                encoding="utf-8")
    (tmp_path / "nothing").mkdir()
    text, stderr = markdown(tmp_path / "good", tmp_path / "old", tmp_path / "nothing",
                            tmp_path / "missing.json")
    lines = stderr.splitlines()
    assert len(lines) == 3
    assert "plan.json: schema version 1" in lines[0]
    assert "nothing: no results" in lines[1] and "No such file" in lines[2]
    # Without its plan a set's reports are still single ones.
    assert len(rows(text, "epoll")) == 2


def test_nothing_to_report(tmp_path):
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    done = report(tmp_path / "x.json", status=1)
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "report: there is nothing to report"
    assert not (tmp_path / "report.md").exists()


def test_failed_runs_and_cells_left_out_are_said(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: [100e3, "the server broke down", 99e3]},
                       left_out={URING: "io_uring is not allowed here"},
                       remarks=["left out: kqueue: not of this system"])
    text, stderr = markdown(tmp_path)
    assert stderr == ""
    assert "a run failed: the server broke down" in text
    assert "io_uring is not allowed here" in text
    assert "kqueue: not of this system" in text


def loose_reports(folder, rounds, name="run", **settings):
    """A client's and a server's report of each round, without a plan."""
    folder.mkdir(exist_ok=True)
    one = cell("tcp", **settings)
    for number, it in enumerate(rounds, 1):
        it = it if isinstance(it, Round) else Round(it)
        for end, found in made_up.reports(one, it, made_up.TIMING).items():
            path = folder / f"{name}-{number}.{end}.json"
            path.write_text(json.dumps(found), encoding="utf-8")
    return folder


def test_a_directory_of_loose_reports(tmp_path):
    loose_reports(tmp_path, STEADY, "a", backend="epoll")
    loose_reports(tmp_path, scaled(1.5), "b", backend="io_uring")
    text, stderr = markdown(tmp_path)
    assert stderr == ""
    assert rows(text, "io_uring")[0][0] == "1" and rows(text, "epoll")[0][0] == "2"
    assert " / " in rows(text, "epoll")[0][9]  # both ends' CPU: the server's report was found
    assert "not known (single reports)" in text


def test_single_reports(tmp_path):
    loose_reports(tmp_path, [100e3], "a", backend="epoll")
    loose_reports(tmp_path, [200e3], "b", backend="io_uring")
    report(tmp_path / "a-1.client.json", tmp_path / "b-1.client.json", "--format", "md")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert rows(text, "epoll")[0][3] == "100 k" and rows(text, "io_uring")[0][3] == "200 k"


def test_a_servers_report_alone(tmp_path):
    loose_reports(tmp_path, [100e3], backend="epoll")
    done = report(tmp_path / "run-1.server.json", status=1)
    assert "a server's report without its client's" in done.stderr.splitlines()[0]


def test_loose_reports_of_two_machines_and_of_other_options(tmp_path):
    plain, small = Round(100e3), Round(90e3, report={})
    loose_reports(tmp_path, [plain, small, Round(80e3, host=OTHER)], backend="epoll")
    file = tmp_path / "run-2.client.json"
    changed = json.loads(file.read_text(encoding="utf-8"))
    changed["config"]["nodelay"] = "off"
    file.write_text(json.dumps(changed), encoding="utf-8")
    text, _ = markdown(tmp_path)
    assert len(rows(text, "epoll")) == 3
    assert "nodelay=on" in text and "nodelay=off" in text
    assert "Not a controlled comparison" in text


def test_real_reports(tmp_path):
    for number in range(2):
        subprocess.run([BIN / "bench_udp", "-d", "0.05", "-q", "--json",
                        tmp_path / f"{number}.json"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
    subprocess.run([BIN / "bench_file_io", "-d", tmp_path, "-n", "100", "-q", "--json",
                    tmp_path / "file.json"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    done = report(tmp_path)
    assert done.stderr == ""
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "## UDP echo" in text and "## File I/O" in text
    assert len(text.encode()) < 65536  # what a comment may have


def test_hostile_texts_mean_nothing(tmp_path):
    bad = "a|b</td><script>x</script>`[c](javascript:y) @everyone\n# d"
    made_up.result_set(tmp_path, {EPOLL: [Round(100e3, warnings=[bad])]}, label=bad,
                       host={"cpu_model": bad})
    text, _ = markdown(tmp_path)
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\n# d" not in text and "@everyone" not in text and "\n# a\\|b" not in text
    assert "[c]" not in text.replace("\\[c\\]", "")
    for line in text.splitlines():
        if line.startswith("|  | a"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 3
    report(tmp_path)
    scripts = [attributes for tag, attributes in page(tmp_path).tags if tag == "script"]
    assert len(scripts) == 3


def without(module, tmp_path):
    """An environment in which Python lacks a module."""
    folder = tmp_path / "lacking"
    folder.mkdir()
    (folder / f"{module}.py").write_text("raise ImportError", encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("module, name, package", [
    ("jinja2", "html", "python3-jinja2"), ("matplotlib", "svg", "python3-matplotlib"),
    ("matplotlib", "png", "python3-matplotlib")])
def test_a_missing_library_is_one_line(tmp_path, module, name, package):
    made_up.result_set(tmp_path / "set", {EPOLL: STEADY})
    done = report(tmp_path / "set", "--format", f"{name},md", env=without(module, tmp_path))
    assert done.stdout.split() == [done.stdout.strip()]
    assert (tmp_path / "set" / "report.md").exists()
    assert len(done.stderr.splitlines()) == 1 and package in done.stderr


def test_a_missing_chart_library_is_one_line(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: STEADY})
    done = report(tmp_path, env={"IOBENCH_D3": "/nowhere/d3.min.js"})
    assert len(done.stderr.splitlines()) == 1 and "node-d3" in done.stderr
    assert (tmp_path / "report.md").exists() and not (tmp_path / "report.html").exists()
    report(tmp_path, "--format", "html", env={"IOBENCH_D3": "/nowhere/d3.min.js"}, status=1)


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib is optional")
def test_pictures(tmp_path):
    made_up.result_set(tmp_path, {EPOLL: STEADY, URING: scaled(1.2)}, label="$x^")
    made_up.result_set(tmp_path / "b", {EPOLL: STEADY}, label="$\\frac")
    report(tmp_path, tmp_path / "b", "--format", "svg,png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "report.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("args, words", [
    (["--format", "pdf"], ["--format", "'pdf'", "md, html, svg, png"]),
    ([], ["DIR|FILE.json"]),
])
def test_usage(args, words):
    done = report(*args, *(["x"] if args else []), status=2)
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in words)


def test_a_place_that_cannot_be_written(tmp_path):
    made_up.result_set(tmp_path / "set", {EPOLL: STEADY})
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = report(tmp_path / "set", "--output", tmp_path / "file", status=1)
    assert len(done.stderr.splitlines()) == 1 and str(tmp_path / "file") in done.stderr


def test_write_for_other_scripts(tmp_path):
    found = made_up.result_set(tmp_path, {EPOLL: ["no luck"]})
    written, missing = report_module.write([found], tmp_path)
    assert [path.name for path in written] == ["report.md", "report.html"] and missing == []
    assert "no luck" in written[0].read_text(encoding="utf-8")
