"""report.svg and report.png: a picture for a README, of each part's rates. Drawn by matplotlib."""

from iobench.report import words
from iobench.run import Failed

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito
BAR_INCHES, GAP_INCHES, WIDTH_INCHES = 0.25, 0.5, 8


def library():
    try:
        import matplotlib
        from matplotlib import pyplot
    except ImportError:
        raise Failed("matplotlib is not here: install the package python3-matplotlib") from None
    matplotlib.use("Agg")
    pyplot.rcParams.update({
        "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "ytick.left": False,
        "figure.dpi": 120, "svg.hashsalt": "iobench", "text.parse_math": False})
    return pyplot


def draw_load(axes, part, load):
    rows = load["rows"][::-1]
    for i, row in enumerate(rows):
        rate, one = row["rate"], part["series"][row["series"]]
        error = None
        if rate["low"] is not None:
            error = [[rate["median"] - rate["low"]], [rate["high"] - rate["median"]]]
        axes.barh(i, rate["median"], 0.7, color=COLOURS[one["colour"]], xerr=error,
                  error_kw={"elinewidth": 1.2, "capsize": 2.5, "ecolor": "#222222"})
    most = max(row["rate"]["high"] or row["rate"]["median"] for row in rows)
    for i, row in enumerate(rows):
        axes.text((row["rate"]["high"] or row["rate"]["median"]) + most * 0.02, i,
                  words.short(row["rate"]["median"]), va="center")
    axes.set_xlim(0, most * 1.18)
    axes.set_yticks(range(len(rows)), [part["series"][row["series"]]["label"] for row in rows])
    axes.set_title(f"{load['heading']} ({part['unit']})", loc="left", fontsize=9)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_visible(True)


def write(model, path):
    """One panel a load: bars from zero, 95 % intervals, the medians beside them."""
    pyplot = library()
    panels = [(part, load) for part in model["parts"] for load in part["loads"]]
    heights = [len(load["rows"]) * BAR_INCHES for _, load in panels]
    total = sum(heights) + len(panels) * GAP_INCHES
    figure, grid = pyplot.subplots(
        len(panels), 1, squeeze=False, figsize=(WIDTH_INCHES, total),
        gridspec_kw={"height_ratios": heights}, layout="constrained")
    seen = set()
    for axes, (part, load) in zip(grid[:, 0], panels):
        draw_load(axes, part, load)
        if part["name"] not in seen:  # above its first panel
            axes.annotate(part["title"], (0, 1), (0, 22), "axes fraction",
                          textcoords="offset points", fontsize=11, fontweight="bold")
            seen.add(part["name"])
    grid[-1, 0].set_xlabel("median of the rounds, with its 95 % bootstrap interval", loc="left")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
