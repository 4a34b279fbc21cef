"""How often something happened, against a bound."""

from typing import NamedTuple

from scipy import stats


class Count(NamedTuple):
    what: str
    found: int
    of: int
    bound: float
    at_most: bool  # else at least
    is_promised: bool = True

    def share(self):
        return self.found / self.of

    def interval(self):
        return stats.binomtest(self.found, self.of).proportion_ci(method="exact")

    def breached(self):
        """Shown to be beyond the bound: chance alone would do this in 2.5 % of the checks."""
        side = "greater" if self.at_most else "less"
        return self.is_promised and bool(
            stats.binomtest(self.found, self.of, self.bound, side).pvalue < 0.025)

    def kept(self):
        if not self.is_promised:
            return "no promise"
        return "BREACHED" if self.breached() else "kept"

    def text(self):
        low, high = self.interval()
        word = "at most" if self.at_most else "at least"
        return (f"{self.what}: {self.found:,} of {self.of:,}, {self.share():.2%} "
                f"({low:.2%} to {high:.2%}; {word} {100 * self.bound:.3g} %): {self.kept()}")

    def as_json(self):
        return {**self._asdict(), "share": self.share(), "interval": list(self.interval()),
                "breached": self.breached()}
