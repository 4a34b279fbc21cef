"""One grammar for backends and engines, name:+feature,-feature,key=value, in all four programs."""

import json
import re
import subprocess

import pytest
from harness import BIN, LOOPBACK, PATIENCE_S, VALIDATOR, tuned

NETWORK = ["bench_server", "bench_client", "bench_udp"]
OPTION = {**dict.fromkeys(NETWORK, "--backend"), "bench_file_io": "--engine"}
NAMES = {**dict.fromkeys(NETWORK, ["epoll", "io_uring", "libev"]),
         "bench_file_io": ["io_uring", "libaio", "threads", "sync", "null"]}
SETUP = ["single_issuer", "defer_taskrun", "coop_taskrun"]


def run(program, *args):
    return subprocess.run([BIN / program, *map(str, args)], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)


def refused(program, spec, *args, status, option=None):
    """The one line on stderr."""
    done = run(program, OPTION[program], spec, *args)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{program}: {option or OPTION[program]}: ")
    return done.stderr


def backend_of(done):
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    VALIDATOR.validate(report)
    return report["backend"]


def udp(spec, *args):
    return backend_of(run("bench_udp", "-b", spec, "-c", 2, "-n", 50, "-w", 1, "--json", "-", *args))


def files(folder, spec, *args):
    return backend_of(run("bench_file_io", "-d", folder, "-e", spec, "-w", 1, "-n", 50, "-s", "1M",
                          "--json", "-", *args))


def names(entries):
    """Features of such entries, without reasons and settings."""
    return [entry.split()[0] for entry in entries if "=" not in entry.split()[0]]


# ---- exit status 2


WORDS = ["nope", "", ":", "{0}:", "{0}:,", "{0}:+", "{0}:-", "{0}:+nope", "{0}:-nope", "{0}:nope",
         "{0}:nope=1", "{0}:=", "auto:+x", "{0}:-no\npe", "no\npe", "\x1b[31m", "{0}:" + "x," * 5000]


@pytest.mark.parametrize("words", WORDS, ids=range(len(WORDS)))
@pytest.mark.parametrize("program", OPTION)
def test_words_that_make_no_sense(program, words):
    line = refused(program, words.format(NAMES[program][0]), status=2)
    assert all(c.isprintable() for c in line[:-1])


@pytest.mark.parametrize(("program", "spec", "allowed"), [
    ("bench_server", "io_uring:-nope", ["-defer_taskrun", "-multishot_recv", "sq=1..32k"]),
    ("bench_client", "libev:uring", ["poll", "select", "recv=1..1M"]),
    ("bench_client", "epoll:flush=1", ["-ns_timeout", "recv=1..1M"]),
    ("bench_udp", "epoll:+nope", ["-gso", "-gro", "+msg_zerocopy"]),
    ("bench_udp", "io_uring:sq=0", ["sq=1..32k", "-defer_taskrun"]),
    ("bench_file_io", "io_uring:+nope", ["+sqpoll", "+iopoll", "-registered_files"]),
    ("bench_file_io", "libaio:notify=mail", ["notify=ring|getevents|eventfd"]),
    ("bench_file_io", "threads:pool=2000", ["pool=1..1k"]),
    ("bench_file_io", "sync:pool=2", ["rwf=none|"]),
    ("bench_file_io", "null:+sqpoll", ["takes no items"]),
])
def test_a_refusal_says_what_is_allowed(program, spec, allowed):
    line = refused(program, spec, status=2)
    assert [word for word in allowed if word not in line] == [], line


@pytest.mark.parametrize("program", OPTION)
def test_an_unknown_name_brings_the_list(program):
    line = refused(program, "nope", status=2)
    assert "auto" in line
    assert [name for name in NAMES[program] if name not in line] == []


@pytest.mark.parametrize(("spec", "args", "option", "why"), [
    ("sync", ["--pool", 2], "--pool", "'2' is of no use to the engine sync"),
    ("threads", ["--sqpoll"], "--sqpoll", "is of no use to the engine threads"),
    ("sync", ["--notify", "eventfd"], "--notify", "'eventfd' is of no use"),
    ("io_uring", ["--iopoll"], "--iopoll", "needs --direct on"),
    ("io_uring:+iopoll", [], "--engine", "has iopoll, which needs --direct on"),
    ("sync:rwf=dsync", ["--rw", "read"], "--engine", "has rwf, which needs a --rw that writes"),
    ("sync", ["--rw", "read", "--rwf", "dsync"], "--rwf", "'dsync' needs a --rw that writes"),
])
def test_an_option_and_its_item_mean_the_same(spec, args, option, why, tmp_path):
    line = refused("bench_file_io", spec, "-d", tmp_path, *args, status=2, option=option)
    assert why in line


# ---- exit status 77


def test_a_feature_that_cannot_be_had(tmp_path):
    line = refused("bench_udp", "epoll:+direct_recv", status=77)
    assert "cannot run here: direct_recv: needs --mode latency" in line
    line = refused("bench_udp", "io_uring:+defer_taskrun,-single_issuer", status=77)
    assert "defer_taskrun: needs single_issuer" in line or "io_uring_setup" in line
    line = refused("bench_server", "io_uring:+coop_taskrun", "-p", 0, status=77)
    assert "coop_taskrun: " in line or "io_uring_setup" in line
    done = run("bench_file_io", "-d", tmp_path, "-e", "io_uring:+registered_ring", "--threading",
               "split")
    assert (done.returncode, done.stderr.count("\n")) == (77, 1)
    assert "registered_ring" in done.stderr or "Operation not permitted" in done.stderr


# ---- what is used


@pytest.mark.parametrize("spec", ["epoll:-ns_timeout,recv=4k", "io_uring:-multishot_recv,flush=1",
                                  "libev:poll,send=1k", "io_uring:+single_issuer"])
def test_tcp(spec):
    with subprocess.Popen([BIN / "bench_server", "-p", "0", "-H", LOOPBACK, "-b", spec],
                          stdout=subprocess.PIPE, text=True) as server:
        ready = server.stdout.readline()
        if not ready:
            pytest.skip(f"{spec} cannot run here")
        port = re.search(r":(\d+), backend", ready)[1]
        used = backend_of(run("bench_client", "-h", LOOPBACK, "-p", port, "-b", spec, "-n", 100,
                              "-c", 2, "--warmup", 0, "--json", "-"))
        server.terminate()
    check_items(spec, used)
    inside = re.search(r"backend (\S+) \((.*)\), 1 thread", ready)
    assert inside[1] == used["name"]
    assert inside[2].split(", ") == used["features"]


def check_items(spec, used):
    """Each item is seen in what is used or left out."""
    name, _, items = spec.partition(":")
    assert used["requested"] == spec
    assert used["name"].split(":")[0] == name
    for item in items.split(","):
        if item.startswith("-"):
            assert f"{item[1:]} (asked not to)" in used["left_out"]
            assert item[1:] not in used["features"]
        elif item.startswith("+"):
            assert item[1:] in used["features"]
        elif "=" in item:
            assert item.split("=")[0] in {one.split("=")[0] for one in used["features"]}
        else:
            assert used["name"] == f"{name}:{item}"


@pytest.mark.parametrize("spec", ["io_uring:-defer_taskrun", "io_uring:-single_issuer,sq=8",
                                  "epoll:-gro,-gso", "libev:select", "io_uring:buffers=16",
                                  "epoll:+msg_zerocopy"])
def test_udp(spec):
    check_items(spec, udp(spec))


def test_udp_options_are_features():
    assert "gso (asked not to)" in udp("epoll", "--gso", "off")["left_out"]
    assert "gso (batch is 1)" in udp("epoll", "--batch", 1)["left_out"]
    assert "gso" in udp("epoll", "--batch", 1, "--gso", "on")["features"]
    assert "msg_zerocopy" in udp("epoll", "--zerocopy", "on")["features"]
    assert "direct_recv" in udp("epoll", "--mode", "latency")["features"]
    assert "direct_recv (asked not to)" in udp("epoll:-direct_recv", "--mode", "latency")["left_out"]


@pytest.mark.parametrize("spec", [
    "io_uring:-registered_files,-registered_buffers", "io_uring:-registered_ring,-defer_taskrun",
    "io_uring:+sqpoll", "libaio:notify=eventfd", "libaio:notify=getevents", "libaio:-user_reap",
    "threads:pool=8", "threads:pool=2,rwf=dsync", "sync:rwf=dsync",
])
@pytest.mark.parametrize("threading", ["inline", "split"])
def test_files(spec, threading, tmp_path):
    if threading == "split" and spec.startswith("sync"):
        pytest.skip("sync has no second thread")
    check_items(spec, files(tmp_path, spec, "--verify", "--threading", threading))


@pytest.mark.parametrize(("option", "item"), [
    (["--sqpoll"], "io_uring:+sqpoll"), (["--notify", "eventfd"], "libaio:notify=eventfd"),
    (["--pool", 3], "threads:pool=3"), (["--rwf", "dsync"], "sync:rwf=dsync"),
])
def test_old_options_of_engines(option, item, tmp_path):
    plain, asked = files(tmp_path, item.split(":")[0], *option), files(tmp_path, item)
    assert (plain["features"], plain["left_out"]) == (asked["features"], asked["left_out"])


def test_one_kernel_feature_has_one_name(tmp_path):
    for used in (udp("io_uring"), files(tmp_path, "io_uring")):
        assert set(SETUP) <= {*names(used["features"]), *names(used["left_out"])}
        assert all(re.fullmatch("[a-z0-9_]+", name)
                   for name in names(used["features"]) + names(used["left_out"]))


# ---- --help


def listed(program):
    """{name: [items]} of --help."""
    done = run(program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.split("\nExamples:")[0].splitlines())) <= 80
    found, name = {}, None
    for line in done.stdout[done.stdout.index("\n  auto "):].split("\n\n")[0].splitlines()[1:]:
        if line.startswith("    "):
            found[name] += [line.split()[0]] if ":" not in line else line.strip().split(", ")
        else:
            name = line.split()[0]
            found[name] = []
    return found


@pytest.mark.parametrize("program", OPTION)
def test_help_lists_what_there_is(program):
    found = listed(program)
    assert list(found) == ["auto", *NAMES[program]]
    assert run(program, "--help").stdout.count("NAME:ITEM") == 1
    assert {f"-{name}" for name in SETUP} <= set(found["io_uring"])


@pytest.mark.parametrize("program", OPTION)
def test_what_help_lists_is_taken(program):
    """Each item is taken; what is refused is the one after it."""
    for name, items in listed(program).items():
        for item in items:
            values = re.fullmatch(r"(\w+)=(.+)", item)
            if values:
                item = f"{values[1]}={re.split(r'[|]|[.][.]', values[2])[-1]}"
            spec = item if item.startswith(f"{name}:") else tuned(name, item)
            assert "names 'nope'" in refused(program, tuned(spec, "-nope"), status=2)
