"""What a verdict can be, in names for files and in words for people. Needs nothing else.

How one is reached is verdicts.py's, which needs numpy and scipy.
"""

BETTER, WORSE, EQUAL, UNCLEAR, VOID = "better", "worse", "equal", "unclear", "void"
DIFFERENT = (BETTER, WORSE)
TOO_NOISY, TOO_FEW = "too noisy to tell", "too few rounds to tell"
NO_VERDICTS = "no verdicts on ratios: {}: scripts/install-deps bench"


def percent_text(share):
    """Of what somebody chose: 0.005 is 0.5 %."""
    return f"{100 * share:g} %"


def visible_text(share):
    """Of the smallest change that would have been seen."""
    if share >= 10:
        return "1,000 % or more"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def equal_text(margin):
    return f"equal within {percent_text(margin)}"


def listed(names, most=3):
    """Names, with the number of those left out."""
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
