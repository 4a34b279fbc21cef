"""scripts/iobench/hdr.py: HdrHistogram payloads as the programs write them."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from iobench import hdr  # noqa: E402 (path first)

PATIENCE_S = 120


@pytest.fixture(scope="module")
def samples():
    """name -> (payload, count, exact maximum, values at 50, 90, 95, 99, 99.9 and 99.99 %)."""
    program = Path(os.environ["IOBENCH_BUILD"]) / "tests" / "hdr_sample"
    text = subprocess.run([program], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=True).stdout
    table = {}
    for line in text.splitlines():
        name, payload, *numbers = line.split("\t")
        count, maximum, *values = map(int, numbers)
        table[name] = payload, count, maximum, values
    return table


PERCENTS = [50, 90, 95, 99, 99.9, 99.99]


def test_histograms_read_as_they_were_written(samples):
    assert len(samples) > 5
    for name, (payload, count, maximum, values) in samples.items():
        histogram = hdr.Histogram()
        histogram.add(payload, maximum)
        assert histogram.count == count, name
        expected = values if count else [None] * len(PERCENTS)
        assert [histogram.percentile(percent) for percent in PERCENTS] == expected, name


def test_histograms_add_up(samples):
    """A histogram twice is the same distribution; ten zeros more are its lowest values."""
    uniform, zero = samples["uniform"], samples["zero"]
    histogram = hdr.Histogram()
    histogram.add(uniform[0], uniform[2])
    for _ in range(10):
        histogram.add(zero[0], zero[2])
    histogram.add(uniform[0], uniform[2])
    assert histogram.count == 2 * uniform[1] + 10
    assert histogram.percentile(0) == 0
    assert histogram.percentile(100) == uniform[2]
    alone = hdr.Histogram()
    alone.add(uniform[0], uniform[2])
    alone.add(uniform[0], uniform[2])
    assert [alone.percentile(percent) for percent in PERCENTS] == uniform[3]


def test_order_of_adding_does_not_matter(samples):
    payloads = [(payload, maximum) for payload, _, maximum, _ in samples.values()]
    forth, back = hdr.Histogram(), hdr.Histogram()
    for payload in payloads:
        forth.add(*payload)
    for payload in reversed(payloads):
        back.add(*payload)
    assert forth.counts == back.counts
    assert [forth.percentile(p) for p in PERCENTS] == [back.percentile(p) for p in PERCENTS]


def test_bad_payloads(samples):
    good = samples["bimodal"][0]
    cut = base64.b64encode(base64.b64decode(good)[:-3]).decode()
    for text in ("", "HIST", "!" + good, good[4:], cut, base64.b64encode(bytes(64)).decode()):
        with pytest.raises(ValueError):
            list(hdr.slots(text))


def test_numbers():
    """The ninth byte of a number has no flag: it carries eight bits."""
    assert list(hdr.numbers(b"\x00\x01\x02\x7f")) == [0, -1, 1, -64]
    assert list(hdr.numbers(b"\x80" * 9 + b"\x02")) == [1 << 62, 1]
    with pytest.raises(ValueError):
        list(hdr.numbers(b"\x80"))
