"""scripts/export: each format is read back by its consumer, or by what the consumer documents."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import made_up
import pytest
from harness import PATIENCE_S, ROOT
from iobench import resultset
from made_up import Round
from test_hdr_decode import JAR

FORMATS = ["github-action-benchmark", "bmf", "openmetrics", "csv", "hgrm", "hlog"]
SEVERAL_FILES = ["github-action-benchmark", "hgrm"]
ODD = 'a "label", with\\\nall sorts'

EPOLL = made_up.cell("tcp", backend="epoll", connections=100)
URING = made_up.cell("tcp", backend="io_uring", connections=100)
OPEN = made_up.cell("tcp", backend="epoll", connections=10, rate=2000,
                    client_options='--arrivals "poisson"')
UDP = made_up.cell("udp", backend="libev", how="one-by-one")
FILE = made_up.cell("file", engine="sync", direct="on")
ROUNDS = {
    EPOLL: [Round(101e3, latencies_ns=9e5), Round(99e3, latencies_ns={5e5: 0.98, 7e7: 0.02}),
            120e3],
    URING: [Round(130e3, errors={"timeout": 2}), "it broke", 120e3],
    OPEN: [Round(2000, latencies_ns=3e4, response_ns={4e4: 0.9, 5e9: 0.1}), Round(
        2000, latencies_ns=2e4, response_ns=5e4)],
    UDP: [250e3],
    FILE: [Round(20e3, latencies_ns=4e4), Round(21e3, latencies_ns=300)],
}


@pytest.fixture(scope="module")
def odd_set(tmp_path_factory):
    """A set of every part, of which one run failed, three UDP messages were lost, and whose label
    needs escaping."""
    path = tmp_path_factory.mktemp("sets") / "odd"
    made_up.result_set(path, ROUNDS, label=ODD)
    change(path, UDP, 1, lambda report: report["packets"].update(lost=3))
    return resultset.load(path)


def report_file(path, cell, number, end="client"):
    return path / "raw" / f"{cell.name}-{number}.{end}.json"


def change(path, cell, number, how):
    file = report_file(path, cell, number)
    report = json.loads(file.read_text(encoding="utf-8"))
    how(report)
    file.write_text(json.dumps(report), encoding="utf-8")


def run_export(*args, status=0, stderr=""):
    """Runs the script; returns what it wrote to stdout, as it is."""
    done = subprocess.run([ROOT / "scripts" / "export", *args], capture_output=True,
                          timeout=PATIENCE_S, check=False)
    assert done.stderr.decode() == stderr
    assert done.returncode == status
    return done.stdout.decode()


def files_of(folder, how, *sets):
    """{name: text} of a format that makes several files."""
    run_export("--to", how, "--output", folder, *sets)
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def all_figures(found):
    """(cell name, metric, merged value) of everything there is."""
    for cell in found.cells():
        for metric in found.metrics(cell.name):
            value = found.merged(cell.name, metric.name)
            if value is not None:
                yield cell.name, metric, value


# ---- github-action-benchmark

ENTRIES = {
    "type": "array",
    "minItems": 1,  # the action fails otherwise
    "items": {
        "type": "object",
        "required": ["name", "unit", "value"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "unit": {"type": "string", "minLength": 1},
            "value": {"type": "number"},
            "range": {"type": "string", "pattern": r"^± \d+(\.\d+)?(e[+-]\d+)?$"},
            "extra": {"type": "string"},
        },
    },
}


def test_github_action_benchmark(odd_set, tmp_path):
    files = files_of(tmp_path, "github-action-benchmark", odd_set.path)
    assert set(files) == {"bigger-is-better.json", "smaller-is-better.json"}
    bigger, smaller = (json.loads(files[name]) for name in sorted(files))
    for entries in (bigger, smaller):
        jsonschema.validate(entries, ENTRIES)
        names = [entry["name"] for entry in entries]
        assert len(set(names)) == len(names)
    values = {entry["name"]: entry["value"] for entry in bigger + smaller}
    assert values == {f"{name}: {metric.title}": value
                      for name, metric, value in all_figures(odd_set)}
    assert {entry["unit"] for entry in bigger} == {"requests/s", "echoes/s", "operations/s"}
    rate = next(entry for entry in bigger if entry["name"].startswith(EPOLL.name))
    assert (rate["value"], rate["range"]) == (101e3, "± 10500")
    assert "lowest round 99000, highest 120000" in rate["extra"]
    single = next(entry for entry in bigger if entry["name"].startswith(UDP.name))
    assert "range" not in single


# ---- Bencher

BMF = {
    "$schema": "http://json-schema.org/draft-07/schema",
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"minLength": 1, "maxLength": 1024},
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"maxLength": 64, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "additionalProperties": {
            "type": "object",
            "properties": {name: {"type": "number"}
                           for name in ("value", "lower_value", "upper_value")},
            "required": ["value"],
            "additionalProperties": False,
        },
    },
}


def test_bmf(odd_set, tmp_path):
    target = tmp_path / "bmf.json"
    assert run_export("--to", "bmf", "--output", target, odd_set.path) == ""
    found = json.loads(target.read_text(encoding="utf-8"))
    jsonschema.validate(found, BMF)
    flat = {(name, key): measure["value"] for name, measures in found.items()
            for key, measure in measures.items()}
    names = {"rate": "throughput"}
    assert flat == {(name, names.get(metric.name, metric.name.replace("_", "-"))): value
                    for name, metric, value in all_figures(odd_set)}
    assert found[EPOLL.name]["throughput"] == {
        "value": 101e3, "lower_value": 99e3, "upper_value": 120e3}
    for measures in found.values():
        for measure in measures.values():
            assert measure.get("lower_value", measure["value"]) <= measure["value"]
            assert measure.get("upper_value", measure["value"]) >= measure["value"]


# ---- OpenMetrics


def parsed(text):
    """{sample name: {labels as a frozenset: value}}, by the client library's own parser."""
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    families = list(parser.text_string_to_metric_families(text))
    samples = {}
    for family in families:
        assert family.documentation
        assert not family.unit or family.name.endswith(f"_{family.unit}")
        for sample in family.samples:
            labels = frozenset(sample.labels.items())
            assert labels not in samples.setdefault(sample.name, {})
            samples[sample.name][labels] = sample.value
    return samples


def of_cell(samples, name, **labels):
    """{the other labels: value} of a cell's samples."""
    wanted = set(labels.items())
    return {have - wanted: value for have, value in samples[name].items() if wanted <= have}


def only(found):
    (value,) = found.values()
    return value


def test_openmetrics_figures(odd_set):
    samples = parsed(run_export("--to", "openmetrics", odd_set.path))
    for name, metric, value in all_figures(odd_set):
        percentile = re.fullmatch(r"(response_)?p(\d+)_ns", metric.name)
        if percentile:
            source = "response" if percentile[1] else "service"
            quantile = str(float(f"0.{percentile[2]}"))
            got = of_cell(samples, f"iobench_{source}_time_quantiles_seconds", cell=name,
                          quantile=quantile)
            assert round(only(got) * 1e9) == value
        elif metric.name == "rate":
            assert only(of_cell(samples, "iobench_rate_per_second", cell=name)) == value
        elif metric.name.endswith("_us"):
            family = f"iobench_{metric.name.removesuffix('_us')}_seconds"
            assert only(of_cell(samples, family, cell=name)) == pytest.approx(value / 1e6)
        else:
            assert only(of_cell(samples, f"iobench_{metric.name}", cell=name)) == value
    info = {name: value for labels in samples["iobench_set_info"] for name, value in labels}
    assert info["set"] == ODD
    assert samples["iobench_rounds"][frozenset({
        "part": "tcp", "cell": OPEN.name, "backend": "epoll", "connections": "10", "size": "256",
        "rate": "2000", "client_options": '--arrivals "poisson"'}.items())] == 2


def test_openmetrics_histograms(odd_set):
    samples = parsed(run_export("--to", "openmetrics", odd_set.path))
    edges = None
    for cell in odd_set.cells():
        got = of_cell(samples, "iobench_service_time_seconds_bucket", cell=cell.name)
        counts = {float(dict(labels)["le"]): count for labels, count in got.items()}
        edges = edges or list(counts)
        assert list(counts) == edges  # they can be added
        merged = odd_set.metric(cell.name, "p50_ns")  # its function is of all samples
        blocks = [sample["client"]["latency"]["service_ns"]
                  for sample in odd_set.samples[cell.name].values()]
        total = sum(block["count"] for block in blocks)
        assert counts[float("inf")] == total == only(
            of_cell(samples, "iobench_service_time_seconds_count", cell=cell.name))
        assert only(of_cell(samples, "iobench_service_time_seconds_sum", cell=cell.name)) == (
            pytest.approx(sum(block["mean"] * block["count"] for block in blocks) / 1e9))
        median_s = merged.of(list(odd_set.samples[cell.name].values())) / 1e9
        below = [count for edge, count in counts.items() if edge < median_s]
        above = [count for edge, count in counts.items() if edge >= median_s]
        assert max(below) < total / 2 <= min(above)
    response = of_cell(samples, "iobench_response_time_seconds_count", part="tcp")
    assert len(response) == 1  # of the open loop alone


# ---- CSV

COLUMNS = (
    "set session part cell round started_at host version window_s requests errors client_limited "
    "setting_backend setting_client setting_connections setting_size setting_pipeline setting_mode "
    "setting_threads setting_client_threads setting_rate setting_churn setting_work setting_server_options "
    "setting_client_options setting_how setting_clients setting_workers setting_processes "
    "setting_options setting_engine setting_direct setting_rw setting_block setting_depth "
    "setting_batch setting_files setting_existing setting_sync rate p50_ns p90_ns p95_ns p99_ns p999_ns response_p50_ns "
    "response_p90_ns response_p95_ns response_p99_ns response_p999_ns client_cpu_us server_cpu_us "
    "server_syscalls lost cpu_us syscalls").split()


def test_csv(odd_set):
    """Stable columns: those who read them by place must be told of a change."""
    text = run_export("--to", "csv", odd_set.path)
    header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == COLUMNS
    assert text.startswith(",".join(COLUMNS) + "\r\n") and text.endswith("\r\n")
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    assert {row["set"] for row in rows} == {ODD}
    assert [(row["cell"], int(row["round"])) for row in rows] == [
        (cell.name, number) for cell in odd_set.cells() for number in odd_set.samples[cell.name]]
    for row in rows:
        name, number = row["cell"], int(row["round"])
        names = {metric.name for metric in odd_set.metrics(name)}
        for column in COLUMNS[COLUMNS.index("setting_sync") + 1:]:
            got = float(row[column]) if row[column] else None
            assert got == (odd_set.by_round(name, column).get(number) if column in names else None)
    failed = next(row for row in rows if row["cell"] == URING.name)
    assert (failed["errors"], failed["client_limited"]) == ("2", "false")
    assert next(row for row in rows if row["cell"] == OPEN.name)["setting_client_options"] == (
        '--arrivals "poisson"')


# ---- HdrHistogram


@pytest.fixture(scope="module")
def library(odd_set, tmp_path_factory):
    """What the format's own library reads in the log: (intervals as words, {tag: distribution})."""
    java = shutil.which("java")
    if not java or not JAR.exists():
        pytest.skip("java or its HdrHistogram (Debian: libhdrhistogram-java) is not installed")
    log = tmp_path_factory.mktemp("hlog") / "all.hlog"
    run_export("--to", "hlog", "--output", log, odd_set.path)
    source = ROOT / "tests" / "hdr_decode" / "HlogRead.java"
    done = subprocess.run([java, "-cp", JAR, source, log], capture_output=True, text=True,
                          timeout=2 * PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    intervals, *distributions = done.stdout.split("distribution ")
    return [line.split() for line in intervals.splitlines()], dict(
        text.split("\n", 1) for text in distributions)


def test_hlog_is_read_by_the_library(odd_set, library):
    intervals, _ = library
    expected = []
    for cell in odd_set.cells():
        for sample in odd_set.samples[cell.name].values():
            report = sample["client"]
            for source, suffix in (("service_ns", ""), ("response_ns", "-response")):
                block = report["latency"].get(source)
                if block:
                    expected.append((cell.name + suffix, report["window"]["duration_s"],
                                     block["count"]))
    assert sorted((tag, float(length), int(count)) for tag, _, length, count, _ in intervals) == (
        sorted(expected))
    starts = [float(start) for _, start, *_ in intervals]
    assert starts == sorted(starts)
    report = odd_set.samples[EPOLL.name][1]["client"]
    assert subprocess.run(["date", "-u", "-d", f"@{starts[0]:.0f}", "+%FT%TZ"], check=True,
                          capture_output=True, text=True).stdout.strip() == report["started_at"]


def test_hgrm_is_what_the_library_prints(odd_set, library, tmp_path):
    _, distributions = library
    files = files_of(tmp_path, "hgrm", odd_set.path)
    assert files == {f"{tag}.hgrm": text for tag, text in distributions.items()}
    assert set(files) == {f"{cell.name}.hgrm" for cell in odd_set.cells()} | {
        f"{OPEN.name}-response.hgrm"}


def test_hgrm_has_the_sets_percentiles(odd_set, tmp_path):
    """Also where there is no Java: a line's value is a percentile that the set has too."""
    files = files_of(tmp_path, "hgrm", odd_set.path)
    for cell in odd_set.cells():
        lines = [line.split() for line in files[f"{cell.name}.hgrm"].splitlines()[2:]
                 if not line.startswith("#")]
        at = {float(percentile): float(value) for value, percentile, *_ in lines}
        for percentile, name in ((0.5, "p50_ns"), (0.9, "p90_ns")):
            merged_us = odd_set.merged(cell.name, name) / 1000
            assert at[percentile] == pytest.approx(merged_us, rel=1 / 128, abs=0.01)


def test_hlog_head_and_tags_of_several_sets(odd_set, tmp_path):
    made_up.result_set(tmp_path / "b", {FILE: [1e4]}, label="b")
    lines = run_export("--to", "hlog", odd_set.path, tmp_path / "b").splitlines()
    assert lines[1] == "#[Histogram log format version 1.3]"
    assert re.fullmatch(r"#\[BaseTime: \d+\.\d{3} \(seconds since epoch\)\]", lines[2])
    assert re.fullmatch(r"#\[StartTime: \d+\.\d{3} \(seconds since epoch\), .*\]", lines[3])
    for line in lines[5:]:
        assert re.fullmatch(r"Tag=[^, ]+,\d+\.\d{3},\d+\.\d{3},\d+\.\d{3},[\w+/]+=*", line)
    assert any(line.startswith(f"Tag=b_{FILE.name},") for line in lines)


# ---- several sets, faults, usage


def test_cells_of_several_sets_stay_apart(odd_set, tmp_path):
    """Also when both are called the same."""
    for name in ("one", "two"):
        made_up.result_set(tmp_path / name, {FILE: [1e4 if name == "one" else 2e4]}, label="same")
    sets = [tmp_path / "one", tmp_path / "two"]
    found = json.loads(run_export("--to", "bmf", *sets))
    assert {name: measures["throughput"]["value"] for name, measures in found.items()} == {
        f"same/{FILE.name}": 1e4, f"same (2)/{FILE.name}": 2e4}
    samples = parsed(run_export("--to", "openmetrics", *sets))
    assert only(of_cell(samples, "iobench_rate_per_second", set="same (2)")) == 2e4
    rows = list(csv.DictReader(io.StringIO(run_export("--to", "csv", *sets), newline="")))
    assert [(row["set"], float(row["rate"])) for row in rows] == [("same", 1e4), ("same (2)", 2e4)]
    assert len(files_of(tmp_path / "out", "hgrm", *sets)) == 2


@pytest.mark.parametrize("how", FORMATS)
def test_faults_get_a_line_each_and_the_rest_is_exported(how, tmp_path):
    path = tmp_path / "faulty"
    made_up.result_set(path, {EPOLL: [1e5] * 6, FILE: [2e4]})
    stem = path / "raw" / EPOLL.name
    report_file(path, EPOLL, 1).write_text("{", encoding="utf-8")
    change(path, EPOLL, 2, lambda report: report.update(tool="fio"))
    change(path, EPOLL, 3, lambda report: report.update(schema_version=0))
    change(path, EPOLL, 4, lambda report: report["latency"]["service_ns"].update(hdr="HISTF"))
    change(path, EPOLL, 5, lambda report: report.pop("window"))
    elsewhere = tmp_path / "none"
    args = ["--to", how, "--output", tmp_path / "out", path, elsewhere]
    done = subprocess.run([ROOT / "scripts" / "export", *args], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert len(lines) == 6 and all(line.startswith("export: ") for line in lines)
    for number, word in ((1, "truncated"), (2, "'fio'"), (3, "schema version 0"),
                         (4, "not a histogram"), (5, "lacks 'window'")):
        assert sum(f"{stem}-{number}" in line and word in line for line in lines) == 1
    assert sum(f"{elsewhere}/plan.json" in line for line in lines) == 1
    out = tmp_path / "out"
    text = "".join(file.read_text(encoding="utf-8") for file in
                   ([out] if out.is_file() else out.iterdir()))
    names = text + " ".join(os.listdir(out)) if out.is_dir() else text
    assert EPOLL.name in names and FILE.name in names


def test_nothing_to_export(tmp_path):
    made_up.result_set(tmp_path / "empty", {EPOLL: ["it broke"]})
    run_export("--to", "csv", tmp_path / "empty", status=1,
               stderr="export: nothing to export: no run has been measured\n")
    run_export("--to", "csv", tmp_path / "no", status=1, stderr=(
        f"export: {tmp_path / 'no' / 'plan.json'}: No such file or directory\n"
        "export: nothing to export: no run has been measured\n"))


@pytest.mark.parametrize(("args", "words"), [
    (["--to", "xml", "x"], ["--to", "'xml'", "bmf"]),
    (["x"], ["--to"]),
    (["--to", "csv"], ["SET"]),
    *((["--to", how, "x"], ["--output", "directory"]) for how in SEVERAL_FILES),
])
def test_usage(args, words):
    done = subprocess.run([ROOT / "scripts" / "export", *args], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert all(word in done.stderr for word in words)


def test_output_that_cannot_be_written(odd_set):
    run_export("--to", "csv", "--output", "/proc/none/x.csv", odd_set.path, status=2,
               stderr="export: --output: /proc/none/x.csv.new: No such file or directory\n")


def test_formats_are_documented():
    text = Path(ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    help_text = run_export("--help")
    for name in FORMATS:
        assert f"`{name}`" in text and name in help_text
    for column in COLUMNS[:COLUMNS.index("setting_backend")]:
        assert f"`{column}`" in text
