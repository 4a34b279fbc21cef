"""What selfcheck compares, how long, and what the verdicts promise."""

from typing import NamedTuple

from iobench import cells, fileio, tcp
from iobench.cells import Timing
from iobench.pairing import DUET, INTERLEAVED

CPU = {"tcp": "server_cpu_us", "file": "cpu_us"}  # of what is slowed, per request
# Of a build beside itself: many sessions, so short ones. Solo rounds as compare --rev takes them.
SLOWED = {DUET: Timing(0, 0.1, 0.03, 1, 0.15), INTERLEAVED: Timing(1, 0.1, 0.03)}
BLOCK = 8  # rounds of a slowed build that follow one another


class Promise(NamedTuple):
    """A slowdown that is found in 95 % of the sessions after so much machine time for a cell.

    It is one of CPU time per request, which is what the slower build differs in. Its rate falls as
    much only where that CPU is the limit: a client that is the limit itself hides the server.
    """

    percent: float  # more CPU time per request
    within_s: float


PROMISES = {"tcp": (Promise(10, 8), Promise(3, 45)), "file": (Promise(1, 30),)}


class Plan(NamedTuple):
    sessions: int  # of the build beside itself
    rounds: int  # of each
    window_s: float  # of each of them
    blocks: int  # of each slowed build, in duets and in solo rounds alike
    ways: tuple  # DUET, and INTERLEAVED if the build is compared with itself in that way, too
    backend: str

    def same(self, how):
        """Timing of the build beside itself."""
        rounds = self.sessions * self.rounds
        if how == DUET:
            return Timing(0, self.window_s, 0.03, rounds, self.window_s)
        return Timing(rounds, self.window_s, 0.03)

    def slowed(self, how):
        one, rounds = SLOWED[how], self.blocks * BLOCK
        return one._replace(duets=rounds) if how == DUET else one._replace(rounds=rounds)

    def cells(self):
        return [*(cells.make(tcp, {"backend": self.backend, "connections": count})
                  for count in (16, 100)),
                cells.make(fileio, {"engine": "sync", "existing": "on"})]


def metrics(cell):
    """That are recorded."""
    return ("rate", CPU[cell.part])
