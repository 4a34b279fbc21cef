"""docs/report.schema.json: a valid schema that takes what report.c writes and nothing else."""

import copy
import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SAMPLES = ["bench_client", "empty_client", "bench_server", "bench_udp", "bench_file_io"]
TIMEOUT_S = 60

LATENCY = ["count", "min", "mean", "p50", "p90", "p95", "p99", "p999", "max", "hdr"]

# What scripts outside this repository read; [] stands for the first entry of an array.
FIXED = {
    "bench_client": [
        "schema_version", "tool", "version", "command", "config", "host", "backend.name",
        "backend.features", "window.duration_s", "interrupted", "totals.requests", "totals.errors",
        "totals.tx_bytes", "totals.rx_bytes", "rate.qps", "throughput.tx_mib_s",
        "throughput.rx_mib_s", "throughput.both_mib_s", "fairness.jain", "fairness.min_requests",
        "fairness.max_requests", "fairness.starved", "cpu.user_s", "cpu.system_s",
        "cpu.us_per_request", "memory.peak_rss_bytes", "syscalls.total", "syscalls.per_request",
        "intervals", "intervals[].t_s", "intervals[].qps", "client_limited",
        *(f"latency.service_ns.{name}" for name in LATENCY),
        *(f"latency.response_ns.{name}" for name in LATENCY),
    ],
    "bench_server": [
        "schema_version", "tool", "command", "config", "host", "backend.name", "backend.features",
        "totals.requests", "totals.errors", "totals.tx_bytes", "totals.rx_bytes", "cpu.user_s",
        "cpu.system_s", "memory.peak_rss_bytes", "syscalls.total", "connections.accepted",
        "connections.open_peak", "connections.closed", "uptime_s",
    ],
    "bench_udp": [
        f"packets.{name}"
        for name in
        ["sent", "received", "lost", "late", "reordered", "duplicated", "corrupted"]
    ],
    "bench_file_io": [
        *(f"{kind}.{name}" for kind in ("read", "write") for name in ("iops", "mib_s")),
        *(f"read.latency_ns.{name}" for name in LATENCY),
        *(f"write.latency_ns.{name}" for name in LATENCY),
        "cpu.us_per_op",
    ],
}  # fmt: skip


def constant(word):
    raise ValueError(f"{word} is not JSON")


@pytest.fixture(scope="module")
def samples():
    program = Path(os.environ["IOBENCH_BUILD"]) / "tests" / "report_sample"
    found = {}
    for name in SAMPLES:
        done = subprocess.run([program, name], capture_output=True, timeout=TIMEOUT_S, check=True)
        found[name] = json.loads(done.stdout.decode("utf-8"), parse_constant=constant)
    return found


def parent_of(document, path):
    """The object that holds the last name of a path, and that name."""
    *way, last = path.replace("[]", ".0").split(".")
    for name in way:
        document = document[int(name) if name.isdigit() else name]
    return document, last


def is_valid(document):
    return VALIDATOR.is_valid(document)


def objects_in(value, path=()):
    """Paths of all objects in a document, from the root."""
    if isinstance(value, dict):
        yield path
        for name, member in value.items():
            yield from objects_in(member, (*path, name))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from objects_in(entry, (*path, index))


def at(document, path):
    for name in path:
        document = document[name]
    return document


def properties_in(schema):
    """(name, schema) of every member that the schema describes, outside of conditions."""
    for name, member in schema.get("properties", {}).items():
        yield name, member
        yield from properties_in(member)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield key, schema[key]


def test_schema_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]


def test_every_member_is_described():
    parts = [SCHEMA, *SCHEMA["$defs"].values()]
    members = [pair for part in parts for pair in properties_in(part)]
    assert len(members) > 100
    assert [name for name, member in members if not member.get("description")] == []
    assert [name for name, part in SCHEMA["$defs"].items() if not part.get("description")] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_validates(name, samples):
    errors = VALIDATOR.iter_errors(samples[name])
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_kinds_are_the_counted_ones(samples):
    """The sample has all kinds that the programs know, so neither side may have one more."""
    client = samples["bench_client"]
    kinds = SCHEMA["$defs"]["syscalls"]["properties"]["by_kind"]["propertyNames"]["enum"]
    assert sorted(client["syscalls"]["by_kind"]) == sorted(kinds)
    assert sorted(client["errors"]) == sorted(SCHEMA["$defs"]["errors"]["properties"])


@pytest.mark.parametrize(("tool", "path"), [(tool, path) for tool in FIXED for path in FIXED[tool]])
def test_missing_path_is_rejected(tool, path, samples):
    document = copy.deepcopy(samples[tool])
    parent, last = parent_of(document, path)
    del parent[last]
    assert not is_valid(document)


@pytest.mark.parametrize(("tool", "path"), [(tool, path) for tool in FIXED for path in FIXED[tool]])
def test_wrong_type_is_rejected(tool, path, samples):
    document = copy.deepcopy(samples[tool])
    parent, last = parent_of(document, path)
    parent[last] = ["wrong"] if not isinstance(parent[last], list) else "wrong"
    assert not is_valid(document)


@pytest.mark.parametrize("name", SAMPLES)
def test_unknown_member_is_rejected(name, samples):
    """In every object but config, which is the program's own."""
    paths = list(objects_in(samples[name]))
    accepted = []
    for path in paths:
        document = copy.deepcopy(samples[name])
        at(document, path)["undocumented"] = 1
        if is_valid(document):
            accepted.append(path)
    assert ("host",) in paths
    assert accepted == [("config",)]


def changed(tool, path, value):
    return pytest.param(tool, path, value, id=f"{tool}-{path}-{value}")


@pytest.mark.parametrize(
    ("tool", "path", "value"),
    [
        changed("bench_client", "schema_version", 2),
        changed("bench_client", "tool", "bench_other"),
        changed("bench_client", "started_at", "yesterday"),
        changed("bench_client", "totals.requests", None),
        changed("bench_client", "totals.requests", -1),
        changed("bench_client", "totals.requests", 1.5),
        changed("bench_client", "fairness.jain", 1.5),
        changed("bench_client", "host.nofile_soft", "many"),
        changed("bench_client", "host.steal_percent", 101),
        changed("bench_client", "client_limited_reason", None),
        changed("bench_client", "limit.busy", -0.1),
        changed("bench_client", "open_loop.scheduled", None),
        changed("bench_client", "latency.service_ns.p50", None),
        changed("bench_client", "latency.service_ns.count", 0),
        changed("bench_client", "uptime_s", 1),
        changed("bench_client", "calibration.samples", None),
        changed("bench_client", "calibration.wake_p50_ns", -1),
        changed("bench_client", "steady.trend_p", 1.5),
        changed("bench_client", "steady.reason", ""),
        changed("bench_client", "extension.times", None),
        changed("empty_client", "steady.steady", True),
        changed("empty_client", "latency.service_ns.p50", 1),
        changed("empty_client", "client_limited_reason", "none"),
        changed("bench_server", "totals.requests", 0),
        changed("bench_server", "connections.asked", 1),
        changed("bench_server", "fairness", {}),
        changed("bench_udp", "packets.lost", -1),
        changed("bench_file_io", "cpu.us_per_op", "fast"),
    ],
)
def test_wrong_value_is_rejected(tool, path, value, samples):
    document = copy.deepcopy(samples[tool])
    parent, last = parent_of(document, path)
    parent[last] = value
    assert not is_valid(document)


@pytest.mark.parametrize(
    ("tool", "path", "value"),
    [
        changed("bench_client", "host.nofile_soft", "unlimited"),
        changed("bench_client", "host.governor", None),
        changed("bench_client", "config.anything", {"of": ["its", "own"]}),
        changed("bench_client", "totals.requests", 2**63),
        changed("bench_udp", "packets.lost", None),
        changed("bench_client", "steady.trend_percent", -20),
        changed("bench_client", "steady.autocorrelation", None),
        changed("bench_server", "calibration", {
            "clock_ns": 27.6, "hist_record_ns": 2.5, "timer_lateness_p50_ns": None,
            "timer_lateness_p99_ns": None, "wake_p50_ns": None, "wake_p99_ns": None,
            "samples": 0, "apart": False,
        }),
    ],
)
def test_allowed_value_is_accepted(tool, path, value, samples):
    """The rejections above mean little if the validator rejects all that was touched."""
    document = copy.deepcopy(samples[tool])
    parent, last = parent_of(document, path)
    parent[last] = value
    assert is_valid(document)


def test_integers_are_exact(samples):
    """3 * 10^12 bytes are written as an integer, not as 3e+12."""
    assert samples["bench_client"]["totals"]["tx_bytes"] == 3_000_000_000_000
    assert isinstance(samples["bench_client"]["totals"]["tx_bytes"], int)
    assert isinstance(samples["bench_client"]["config"]["duration_ns"], int)


def test_a_response_time_is_for_the_open_loop_only(samples):
    document = copy.deepcopy(samples["bench_client"])
    del document["latency"]["response_ns"]
    assert is_valid(document)
