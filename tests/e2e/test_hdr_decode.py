"""The histogram's text form, read back by HdrHistogram's own Java library."""

import os
import pathlib
import shutil
import subprocess

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
JAR = pathlib.Path("/usr/share/java/hdrhistogram.jar")  # Debian: libhdrhistogram-java
TIMEOUT_S = 120


def run(command, stdin=""):
    """Runs a command to its end and returns the lines of its output."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr}"
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def samples():
    """What our side says: name -> (payload, count, maximum, percentiles)."""
    build = os.environ.get("IOBENCH_BUILD")
    if not build:
        pytest.skip("IOBENCH_BUILD does not name the build directory")
    table = {}
    for line in run([os.path.join(build, "tests", "hdr_sample")]):
        name, payload, count, maximum, *percentiles = line.split("\t")
        table[name] = (payload, int(count), int(maximum), [int(value) for value in percentiles])
    return table


@pytest.fixture(scope="module")
def decoded(samples):
    """What the library says: name -> (count, percentiles)."""
    java = shutil.which("java")
    if not java:
        pytest.skip("java is not installed")
    if not JAR.exists():
        pytest.skip(f"{JAR} is not installed (Debian: libhdrhistogram-java)")
    source = str(TESTS / "hdr_decode" / "HdrDecode.java")
    payloads = "".join(f"{payload}\n" for payload, *_ in samples.values())
    lines = [
        [int(word) for word in line.split()]
        for line in run([java, "-cp", str(JAR), source], payloads)
    ]
    assert len(lines) == len(samples)
    return {name: (line[0], line[1:]) for name, line in zip(samples, lines)}


@pytest.mark.parametrize(
    "name",
    [
        "empty",
        "zero",
        "one value",
        "the largest value",
        "over range",
        "bimodal",
        "uniform",
        "whole ranks",
        "every magnitude",
    ],
)
def test_library_reads_the_same(name, samples, decoded):
    """Same count and percentiles; ours never exceed the exact maximum, the library's may."""
    _, count, maximum, percentiles = samples[name]
    library_count, library_percentiles = decoded[name]

    assert library_count == count
    assert len(percentiles) == 6
    assert [min(value, maximum) for value in library_percentiles] == percentiles
    assert (count == 0) == (name == "empty")
