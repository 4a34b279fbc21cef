"""HdrHistogram V2 compressed payloads (base64): read, add up, take percentiles; and written, for
what other programs have measured.

Layout of the payload as in common/base/hist_hdr.c: eight bytes of header and a zlib stream of forty
bytes of header and the slots, each a ZigZag LEB128 number: a count, or minus a run of empty slots.
Values are in the unit of the payload; here that is nanoseconds.
"""

import base64
import binascii
import math
import struct
import zlib
from functools import lru_cache

COOKIE_PLAIN = 0x1C849313
COOKIE_COMPRESSED = 0x1C849314
HALF = 128  # slots per power of two: two significant digits
HIGHEST_NS = 3_600_000_000_000
PERCENTILES = {"p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99, "p999": 99.9, "p9999": 99.99}


def slot_high(slot):
    """The highest value that falls into a slot."""
    shift = max(slot // HALF - 1, 0)
    return ((slot - shift * HALF + 1) << shift) - 1


def numbers(data):
    """The ZigZag LEB128 numbers in bytes; the ninth byte of one carries eight bits."""
    value = shift = 0
    for byte in data:
        last = shift == 56
        value |= (byte if last else byte & 0x7F) << shift
        shift += 7
        if last or byte < 0x80:
            yield value >> 1 ^ -(value & 1)
            value = shift = 0
    if shift:
        raise ValueError("ends within a number")


def slots(text):
    """(slot, count) of each slot in use; ValueError for anything but such a payload."""
    try:
        packed = base64.b64decode(text, validate=True)
        cookie, length = struct.unpack_from(">II", packed)
        if cookie != COOKIE_COMPRESSED or length != len(packed) - 8:
            raise ValueError("not a compressed V2 histogram")
        plain = zlib.decompress(packed[8:])
        cookie, length, offset, digits, lowest, _, ratio = struct.unpack_from(">IIIIQQd", plain)
    except (binascii.Error, struct.error, zlib.error) as error:
        raise ValueError(f"not a histogram: {error}") from error
    if (cookie, length, offset, digits, lowest, ratio) != (
        (COOKIE_PLAIN, len(plain) - 40, 0, 2, 1, 1.0)
    ):
        raise ValueError("not a V2 histogram of two digits")
    slot = 0
    for number in numbers(plain[40:]):
        if number > 0:
            yield slot, number
        slot += max(1, -number)


@lru_cache(maxsize=1024)
def decoded(text):
    """The same, for figure after figure of one report."""
    return tuple(slots(text))


class Histogram:
    """The sum of the payloads that were added."""

    def __init__(self):
        self.counts = {}
        self.count = 0
        self.max = 0

    def add(self, text, maximum=None):
        """Adds a payload; the exact maximum, which it does not carry, bounds the percentiles."""
        added = decoded(text)
        for slot, count in added:
            self.counts[slot] = self.counts.get(slot, 0) + count
            self.count += count
        if added:
            self.max = max(self.max, slot_high(added[-1][0]) if maximum is None else maximum)

    def percentile(self, percent):
        """The value at or below which percent of the values lie; None when there are none."""
        # The step down keeps a rounding error from carrying a whole rank to the next value.
        below = math.nextafter(min(max(percent, 0), 100), 0)
        rank = max(1, math.ceil(below * self.count / 100))
        for slot in sorted(self.counts):
            rank -= self.counts[slot]
            if rank <= 0:
                return min(slot_high(slot), self.max)
        return None


# ---- written


def slot_of(value):
    shift = max(value.bit_length() - HALF.bit_length(), 0)
    return shift * HALF + (value >> shift)


def leb128(number):
    """ZigZag; nine bytes at most, and counts stay far below."""
    rest, out = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def encoded(counts):
    """{value: count} as the text that is read above."""
    by_slot = {}
    for value, count in counts.items():
        by_slot[slot_of(value)] = by_slot.get(slot_of(value), 0) + count
    data, at = bytearray(), 0
    for slot in sorted(by_slot):
        if slot > at:
            data += leb128(at - slot) if slot > at + 1 else leb128(0)
        data += leb128(by_slot[slot])
        at = slot + 1
    plain = struct.pack(">IIIIQQd", COOKIE_PLAIN, len(data), 0, 2, 1, HIGHEST_NS, 1.0)
    packed = zlib.compress(plain + bytes(data))
    whole = struct.pack(">II", COOKIE_COMPRESSED, len(packed)) + packed
    return base64.b64encode(whole).decode()


def block(counts):
    """{value: count} as a latency block of a report."""
    counts = {value: count for value, count in counts.items() if count}
    count, text = sum(counts.values()), encoded(counts)
    if not count:
        names = ("min", "mean", "stddev", *PERCENTILES, "max")
        return {"count": 0, "over_range": 0, **dict.fromkeys(names), "hdr": text}
    mean = sum(value * n for value, n in counts.items()) / count
    square = sum((value - mean) ** 2 * n for value, n in counts.items()) / count
    merged = Histogram()
    merged.add(text, max(counts))
    return {"count": count, "over_range": 0, "min": min(counts), "mean": mean,
            "stddev": square ** 0.5,
            **{name: merged.percentile(percent) for name, percent in PERCENTILES.items()},
            "max": max(counts), "hdr": text}
