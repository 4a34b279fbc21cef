"""bench_file_io from outside: what it reports, what it leaves behind, and how it fails."""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ["IOBENCH_BIN"]) / "bench_file_io"
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
SAMPLE = Path(os.environ["IOBENCH_BUILD"]) / "tests" / "pace_sample"
ENGINES = ["sync", "threads", "libaio", "io_uring"]
WORK = ["write-read", "read", "write", "randread", "randwrite", "randrw"]
TIMEOUT_S = 60


def run(folder, *options, expect=0, **more):
    """Runs with files in folder; the report when one was asked for, else the finished process."""
    done = subprocess.run(
        [PROGRAM, "-d", folder, *options],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        **more,
    )
    if done.returncode == 77 and expect != 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == expect, done.stderr + done.stdout
    if expect in (2, 77) or "--json" not in options:
        return done
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA, jsonschema.Draft202012Validator)
    return report


@pytest.fixture
def folder(tmp_path):
    """An empty directory that a run must leave empty."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def measure(folder, *options, **more):
    return run(folder, "--json", "-", "-w", "2", "-s", "1M", *options, **more)


def test_published_command_line(folder):
    done = run(folder, "-w", "4", "-n", "1000", "-b", "4096", "-batch", "4")
    assert "4,000" in done.stdout or "8,000" in done.stdout
    assert "IOPS" in done.stdout


@pytest.mark.parametrize("rw", WORK)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_work_on_every_engine(engine, rw, folder):
    report = measure(folder, "-e", engine, "--rw", rw, "-n", "300", "--depth", "8", "--verify",
                     "--files", "3")  # fmt: skip
    reads, writes = report["read"]["operations"], report["write"]["operations"]
    wanted = {
        "write-read": (600, 600), "read": (600, 0), "randread": (600, 0),
        "write": (0, 600), "randwrite": (0, 600), "randrw": (reads, 600 - reads),
    }[rw]  # fmt: skip
    assert (reads, writes) == wanted
    assert report["backend"]["name"] == engine
    assert report["read"]["latency_ns"]["count"] == reads
    assert report["write"]["bytes"] == writes * 4096
    assert report["file"]["verified_blocks"] > 0
    assert report["errors"] == {}
    assert report["syscalls"]["total"] > 0
    assert report["file"]["storage"]["cache_state"] != "cold"


@pytest.mark.parametrize("rw", ["write-read", "randread", "randrw"])
@pytest.mark.parametrize("engine", ENGINES)
def test_direct(engine, rw, folder):
    report = measure(folder, "-e", engine, "--rw", rw, "-n", "50", "--direct", "on", "--depth",
                     "8", "--verify")  # fmt: skip
    storage = report["file"]["storage"]
    assert report["totals"]["requests"] == (200 if rw == "write-read" else 100)
    assert storage["direct_asked"]
    if storage["filesystem"] != "tmpfs":
        assert storage["direct_in_force"]
        assert storage["cache_state"] == "bypassed"
        assert storage["cached_after"] == 0 or storage["cached_after"] is None


@pytest.mark.parametrize("notify", ["ring", "getevents", "eventfd"])
def test_libaio_notices(notify, folder):
    report = measure(folder, "-e", "libaio", "--notify", notify, "-n", "200", "--verify")
    calls = report["syscalls"]["by_kind"]
    assert ("io_getevents" in calls) == (notify == "getevents")
    assert ("notify=eventfd" in report["backend"]["features"]) == (notify == "eventfd")


@pytest.mark.parametrize("engine", ["threads", "libaio", "io_uring"])
def test_split(engine, folder):
    report = measure(folder, "-e", engine, "--threading", "split", "--rw", "randrw", "-n", "2000",
                     "--depth", "16", "--verify", "--priority-percent", "25")  # fmt: skip
    classes = report["file"]["classes"]
    assert report["totals"]["requests"] == 4000
    assert classes["normal_ns"]["count"] + classes["priority_ns"]["count"] == 4000
    assert 700 < classes["priority_ns"]["count"] < 1300


@pytest.mark.parametrize("sync", ["fsync:10", "fdatasync:10", "dsync"])
@pytest.mark.parametrize("engine", ENGINES)
def test_sync(engine, sync, folder):
    report = measure(folder, "-e", engine, "--sync", sync, "-n", "40", "--verify")
    assert report["file"]["sync_ns"]["count"] == (0 if sync == "dsync" else 8)
    assert report["write"]["operations"] == report["read"]["operations"] == 80


@pytest.mark.parametrize("engine", ["sync", "threads"])
@pytest.mark.parametrize(
    ("flag", "extra", "reads", "writes"),
    [
        ("none", [], "pread64", "pwrite64"),
        ("dsync", [], "pread64", "pwritev2"),
        ("hipri", ["--direct", "on"], "preadv2", "pwritev2"),
        ("nowait", [], "preadv2", "pwrite64"),
        ("uncached", [], "preadv2", "pwritev2"),
    ],
)
def test_flags_of_single_calls(flag, extra, reads, writes, engine, folder):
    report = measure(folder, "-e", engine, "--rwf", flag, "-n", "200", "--verify", *extra)
    calls = report["syscalls"]["by_kind"]
    assert calls[reads] == calls[writes] == 400
    assert report["file"]["verified_blocks"] == 400


def test_a_read_that_may_not_sleep_is_made_again(folder):
    """Cold pages are not counted as read before they are."""
    report = measure(folder, "-e", "sync", "--rwf", "nowait", "--rw", "randread", "--invalidate",
                     "-n", "100", "--verify")  # fmt: skip
    calls = report["syscalls"]["by_kind"]
    assert report["file"]["verified_blocks"] == 200
    assert calls["preadv2"] == 200
    if report["file"]["storage"]["cache_state"] == "cold":
        assert calls["pread64"] > 0


def test_null_moves_nothing_and_says_so(folder):
    report = measure(folder, "-e", "null", "-n", "1000")
    assert report["totals"]["requests"] == 4000
    assert report["syscalls"]["total"] == 0
    assert any("null" in text for text in report["warnings"])


def test_auto_says_what_it_took(folder):
    report = measure(folder, "-n", "10")
    assert report["backend"]["requested"] == "auto"
    assert report["backend"]["name"] in ENGINES


def test_time_bound_and_series(folder):
    report = measure(folder, "--time", "600ms", "-i", "100ms", "--warmup", "100ms")
    assert report["window"]["duration_s"] == pytest.approx(0.6, abs=0.3)
    assert len(report["intervals"]) >= 2
    ends = [point["t_s"] for point in report["intervals"]]
    assert ends == sorted(ends)


@pytest.mark.parametrize("engine", ENGINES)
def test_work_takes_its_time_and_is_no_latency(engine, folder):
    """50 operations, each with 1 ms of work behind it."""
    report = run(folder, "--json", "-", "-w", "1", "-s", "1M", "-e", engine, "--rw", "randread",
                 "-n", "50", "--work", "1ms", "--batch", "1", "--depth", "1")  # fmt: skip
    assert report["window"]["duration_s"] >= 0.049  # it ends with the last operation
    assert report["latency"]["service_ns"]["p50"] < 1e6
    assert report["config"]["work_ns"] == 1_000_000


def test_open_loop_keeps_its_rate(folder):
    report = measure(folder, "-e", "threads", "-R", "500", "--time", "1s", "--rw", "randread")
    assert 400 <= report["rate"]["qps"] <= 501
    assert report["latency"]["response_ns"]["count"] == report["open_loop"]["scheduled"] == 500
    assert report["latency"]["response_ns"]["p50"] >= report["latency"]["service_ns"]["p50"]


def assert_pairs(report, pairs):
    """So many pairs were due, each is accounted for, and has a write and a read."""
    loop, latency = report["open_loop"], report["latency"]
    assert loop["scheduled"] == latency["response_ns"]["count"] == pairs
    assert loop["never_sent"] == loop["never_answered"] == 0
    assert loop["lateness_ns"]["count"] + loop["queued_ns"]["count"] == pairs
    assert latency["service_ns"]["count"] == 2 * pairs
    assert report["read"]["response_ns"]["count"] == pairs
    assert report["write"]["response_ns"]["count"] == pairs
    # A pair takes as long as its two operations, one after the other.
    assert latency["response_ns"]["max"] >= report["write"]["response_ns"]["min"]
    assert latency["response_ns"]["min"] > report["read"]["response_ns"]["min"]


@pytest.mark.parametrize("sync", ["none", "fdatasync:20"])
@pytest.mark.parametrize("engine", ["sync", "threads", "io_uring"])
def test_pairs_of_an_open_loop(engine, sync, folder):
    report = measure(folder, "-e", engine, "-R", "2000", "--time", "200ms", "--warmup", "50ms",
                     "--depth", "4", "--sync", sync, "--verify")  # fmt: skip
    assert_pairs(report, 400)
    report = measure(folder, "-e", engine, "-R", "20000", "-n", "51", "--warmup", "20ms",
                     "--sync", sync)  # fmt: skip
    assert_pairs(report, 2 * 51)


@pytest.mark.parametrize("count", [1, 7, 100])
@pytest.mark.parametrize("engine", ["sync", "threads", "null"])
def test_a_number_of_pairs_is_exact_after_a_warm_up(engine, count, folder):
    """In flight when the window begins are writes, which owe a read each, and reads."""
    report = measure(folder, "-e", engine, "-n", str(count), "--warmup", "20ms", "--depth", "13")
    assert report["totals"]["requests"] == 2 * 2 * count
    assert report["latency"]["service_ns"]["count"] == 2 * 2 * count
    assert report["latency"]["unfinished_ns"]["count"] <= report["totals"]["unfinished"] <= 2 * 13


def test_a_write_that_is_synced_is_counted_after_it(folder):
    """Else the window of a group of writes would end before the sync that they are for."""
    report = measure(folder, "--rw", "write", "--sync", "fsync:10", "-n", "10", "-e", "sync")
    assert report["file"]["sync_ns"]["count"] == 2
    assert report["window"]["duration_s"] * 1e9 > report["file"]["sync_ns"]["max"]


def test_a_write_is_not_done_before_its_sync(folder):
    """Open loop: the response time has the sync in it, the service time has not."""
    args = ["-w1", "--rw", "randwrite", "--sync", "fdatasync:1", "-R500", "--time", "300ms"]
    report = measure(folder, *args)
    sync = report["file"]["sync_ns"]
    assert report["latency"]["response_ns"]["count"] == sync["count"] == 150
    assert report["latency"]["response_ns"]["mean"] >= (
        report["latency"]["service_ns"]["mean"] + sync["mean"]
    )


def test_interrupted_while_the_files_are_filled(folder):
    command = [PROGRAM, "-d", folder, "--rw", "randread", "-s", "64G", "-w", "2", "--json", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + TIMEOUT_S
    while not any(path.stat().st_size for path in folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["interrupted"] and report["totals"]["requests"] == 0


def last_due_s(seed):
    """When the last of 100 Poisson arrivals at 1,000 per second is due."""
    command = [SAMPLE, "poisson", "1000", str(seed), "1", "100"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return int(done.stdout.split()[-1]) / 1e9


def test_poisson_arrivals(folder):
    """No operation begins before it is due, so a slow schedule makes a long window."""
    slowest = max(range(20), key=last_due_s)
    assert last_due_s(slowest) > 0.11  # with equal gaps it would be 0.099
    report = measure(folder, "-e", "sync", "-w", "1", "-R", "1000", "-n", "100", "--rw", "randread",
                     "--arrivals", "poisson", "--seed", str(slowest))  # fmt: skip
    assert report["window"]["duration_s"] >= last_due_s(slowest)


def test_adaptive_batches_are_in_the_series(folder):
    report = measure(folder, "-batch", "auto", "--time", "500ms", "-i", "100ms", "-e", "io_uring")
    assert report["file"]["batch"] == "auto"
    assert report["file"]["submit"]["operations_most"] > 1
    assert all(point["batch"] >= 1 for point in report["intervals"] if point["batch"] is not None)


def test_published_method_is_beside_the_true_one(folder):
    report = measure(folder, "--published-method", "-n", "100")
    published = report["file"]["published"]
    assert published["wall_s"] * 10 == pytest.approx(round(published["wall_s"] * 10))
    assert published["wall_s"] >= report["window"]["duration_s"]
    assert published["read_iops"] == pytest.approx(200 / published["wall_s"])
    assert published["read_iops"] <= report["read"]["iops"]


def test_cold_files_are_cold(folder):
    report = measure(folder, "--rw", "read", "--invalidate", "-n", "10")
    storage = report["file"]["storage"]
    if storage["filesystem"] == "tmpfs":
        assert any("--invalidate" in text for text in report["warnings"])
    else:
        assert storage["cache_state"] == "cold"
        assert storage["cached_before"] <= 0.01


def test_a_prefilled_file_is_hot(folder):
    report = measure(folder, "--rw", "randwrite", "--prefill", "-n", "10")
    assert report["file"]["storage"]["cache_state"] in ("hot", "memory")


@pytest.mark.parametrize("pattern", ["seq", "uniform", "zipf:1.1"])
def test_patterns(pattern, folder):
    report = measure(folder, "--rw", "read", "--pattern", pattern, "-n", "500", "--verify")
    assert report["file"]["verified_blocks"] == 1000


def test_many_files(folder):
    report = measure(folder, "--files", "250", "-s", "4M", "--rw", "randread", "-n", "1000",
                     "--depth", "64", "--verify")  # fmt: skip
    assert report["file"]["storage"]["files"] == 500
    assert report["read"]["operations"] == 2000


def test_an_existing_file_is_read_and_left_alone(tmp_path):
    file = tmp_path / "data"
    content = os.urandom(100_000)
    file.write_bytes(content)
    report = measure(tmp_path / "..", "--existing", file, "--rw", "randread", "-n", "500", "-s",
                     "64k")  # fmt: skip
    assert report["read"]["operations"] == 1000
    assert report["file"]["storage"]["files"] == 1
    assert report["file"]["storage"]["file_bytes"] == 65536
    assert report["file"]["storage"]["cache_state"] in ("hot", "memory")
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == content


# ---- what goes wrong


@pytest.mark.parametrize(
    "options",
    [
        ["-e", "paper"], ["-batch", "0"], ["-batch", "257"], ["-batch", "many"], ["-b", "511"],
        ["--rw", "rewrite"], ["--sync", "fsync"], ["--sync", "fsync:0"], ["--pattern", "zipf:0"],
        ["--rw", "randread", "--pattern", "seq"], ["--depth", "2", "-batch", "4"],
        ["--priority-percent", "5"], ["--iopoll"], ["-e", "sync", "--sqpoll"],
        ["-e", "sync", "--threading", "split"], ["-e", "null", "--verify"],
        ["-e", "sync", "--notify", "eventfd"], ["-e", "sync", "--pool", "2"], ["-s", "512"],
        ["--rw", "read", "--sync", "dsync"], ["--rw", "read", "--read-percent", "10"],
        ["--verify", "-b", "513"], ["--files", "65536"], ["--workers", "1024", "--files", "100"],
        ["--json", "/no/such/folder/x"], ["--arrivals", "sometimes"], ["--arrivals", "poisson"],
        ["-e", "sync", "--rwf", "dsync", "--rw", "read"], ["-e", "sync", "--rwf", "hipri"],
        ["-e", "sync", "--rwf", "nowait", "--rw", "write"], ["-e", "null", "--rwf", "uncached"],
        ["--existing", "/no/such/file", "--rw", "read"], ["--existing", "/dev/null", "--rw", "read"],
        ["--existing", __file__], ["--existing", __file__, "--rw", "randrw"],
        ["--existing", __file__, "--rw", "read", "--verify"],
        ["--existing", __file__, "--rw", "read", "--keep"],
        ["--existing", __file__, "--rw", "read", "--size", "1T"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_options(options, folder):
    done = run(folder, *options, expect=2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("bench_file_io: --")


def test_unaligned_direct_blocks(folder):
    done = subprocess.run([PROGRAM, "-d", folder, "--direct", "on", "-b", "1000", "-n", "10"],
                          capture_output=True, text=True, timeout=TIMEOUT_S)  # fmt: skip
    assert done.returncode in (2, 77)
    assert "--block" in done.stderr or "--direct" in done.stderr


def test_no_such_directory():
    done = run("/no/such/folder", expect=2)
    assert "--dir: '/no/such/folder'" in done.stderr


def test_a_file_of_others_is_left_alone(tmp_path):
    """The shell makes the very file that the program, which takes over its process id, wants."""
    script = 'echo mine >"$1/bench_file_io.$$.0.0"; exec "$2" -d "$1" -n 10'
    done = subprocess.run(["sh", "-c", script, "sh", tmp_path, PROGRAM], capture_output=True,
                          text=True, timeout=TIMEOUT_S)  # fmt: skip
    assert done.returncode == 2
    assert "File exists" in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine\n"]


def test_keep(tmp_path):
    run(tmp_path, "--keep", "-w", "2", "--files", "2", "-n", "10")
    assert len(list(tmp_path.iterdir())) == 4


def begin(folder, *options):
    process = subprocess.Popen(
        [PROGRAM, "-d", folder, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + TIMEOUT_S
    for line in process.stdout:  # the first line of the series: it is running
        if line.startswith("[") or time.monotonic() > deadline:
            return process
    raise AssertionError(process.stderr.read())


def wait_until_empty(folder):
    deadline = time.monotonic() + TIMEOUT_S
    while list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("threading", ["inline", "split"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number, threading, folder):
    engine = ["-e", "threads"] if threading == "split" else []
    process = begin(folder, "--time", "60s", "-i", "50ms", "--threading", threading, *engine)
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, err
    assert "Interrupted" in out


def test_killed(folder):
    process = begin(folder, "--time", "60s", "-i", "50ms")
    assert list(folder.iterdir()) != []
    process.kill()
    process.communicate(timeout=TIMEOUT_S)
    wait_until_empty(folder)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_injected_corruption_is_caught(engine, folder):
    """One bit of the middle of a file changes behind the program's back."""
    process = begin(folder, "-e", engine, "--rw", "randread", "--verify", "-w", "1", "-s", "256k",
                    "--time", "60s", "-i", "50ms")  # fmt: skip
    path = next(folder.iterdir())
    with open(path, "r+b", buffering=0) as file:
        file.seek(100_000)
        byte = file.read(1)[0]
        file.seek(100_000)
        file.write(bytes([byte ^ 0x10]))
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert "bytes differ from what was" in err
    assert f"offset {100_000 // 4096 * 4096}" in out


@pytest.mark.parametrize("engine", ENGINES)
def test_file_size_limit(engine, folder):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    report = measure(folder, "-e", engine, "-w", "1", "-n", "1000", expect=1, preexec_fn=limit)
    assert report["errors"]["efbig"] >= 1
    assert report["write"]["operations"] <= 200_000 // 4096
    assert report["exit_status"] == 1


@pytest.fixture
def small_tmpfs(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", tmp_path]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.parametrize("threading", ["inline", "split"])
@pytest.mark.parametrize("engine", ENGINES)
def test_no_space(engine, threading, small_tmpfs):
    if engine == "sync" and threading == "split":
        pytest.skip("sync has no second thread")
    report = measure(small_tmpfs, "-e", engine, "--threading", threading, "-s", "4M", "-n", "5000",
                     expect=1)  # fmt: skip
    assert report["errors"]["enospc"] >= 1
    assert any("ended early" in text for text in report["warnings"])
    assert list(small_tmpfs.iterdir()) == []


def test_no_space_to_fill(small_tmpfs):
    done = run(small_tmpfs, "--rw", "randread", expect=1)
    assert "No space left on device" in done.stderr
    assert list(small_tmpfs.iterdir()) == []


@pytest.mark.parametrize("engine", ["sync", "threads"])
def test_a_flag_that_the_file_system_does_not_take(engine, small_tmpfs):
    done = subprocess.run([PROGRAM, "-d", small_tmpfs, "-e", engine, "--rwf", "nowait", "-s", "64k",
                           "-n", "10"], capture_output=True, text=True, timeout=TIMEOUT_S)  # fmt: skip
    if done.returncode == 0:
        pytest.skip("tmpfs has learnt it")
    assert done.returncode == 77
    assert "--rwf is refused" in done.stderr
    assert list(small_tmpfs.iterdir()) == []


def test_polling_that_is_not_there(folder):
    """A device without polling fails every request; that is exit 77, not a record."""
    done = subprocess.run([PROGRAM, "-d", folder, "-e", "io_uring", "--iopoll", "--direct", "on",
                           "-n", "10"], capture_output=True, text=True, timeout=TIMEOUT_S)  # fmt: skip
    if done.returncode == 0:
        pytest.skip("this device can be polled")
    assert done.returncode == 77
    assert done.stderr.count("\n") == 1
