"""scripts/report's page in headless Chromium: what a reader sees, on a phone and on a desk."""

import subprocess

import browser
import made_up
import pytest
from made_up import Round, cell

from iobench.report import page as report_page

REPORT = made_up.ROOT / "scripts" / "report"
WIDTHS = (390, 1440)
THEMES = ("light", "dark")
LONG = "a machine with a rather long name, of which a phone can show a part"

pytestmark = pytest.mark.skipif(
    not browser.DEBIAN and not (browser.program() and report_page.found()),
    reason="no Chromium or no D3 here; on Debian, where make test installs both, that is a failure")

# The boxes of all visible text, of HTML by line and of SVG by element, and which of them overlap
# although neither holds the other. Text that a scrolling table has out of sight is not compared.
OVERLAPS = """
(() => {
    const boxes = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode, holder = node.parentElement;
        if (!node.data.trim() || holder.closest("script, style, title, option, defs")
            || !holder.checkVisibility())
            continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const view = holder.closest(".scroll")?.getBoundingClientRect();
        for (const box of range.getClientRects()) {
            const left = Math.max(box.left, view ? view.left : -Infinity);
            const right = Math.min(box.right, view ? view.right : Infinity);
            if (right - left >= 1)
                boxes.push({text: node.data.trim().slice(0, 40), left, right,
                            top: box.top, bottom: box.bottom});
        }
    }
    boxes.sort((a, b) => a.top - b.top);
    const found = [];
    boxes.forEach((a, i) => {
        for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom; j++) {
            const b = boxes[j];
            const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const down = Math.min(a.bottom, b.bottom) - b.top;
            if (across > 1.5 && down > 4)  // line boxes are taller than letters
                found.push(`'${a.text}' and '${b.text}' by ${across} x ${down}`);
        }
    });
    return {compared: boxes.length, found};
})()
"""

# Of each chart of the page: how many marks it has that a reader can see.
MARKS = """
[...document.querySelectorAll(".plot")].map((plot) => {
    const shapes = [...plot.querySelectorAll("path.series, path.mark, rect.bar")];
    return shapes.filter((shape) => {
        const box = shape.getBBox();
        const style = getComputedStyle(shape);
        const colour = shape.matches(".series") ? style.stroke : style.fill;
        return box.width + box.height > 1 && colour !== "none" && colour !== "rgb(0, 0, 0)";
    }).length;
})
"""


def noisy(rate, seed, **options):
    return [Round(each, **options) for each in made_up.noisy(rate, 6, seed=seed)]


def some_cells(factor):
    cells = {}
    for i, backend in enumerate(("epoll", "io_uring", "libev")):
        for connections in (1, 4, 16, 100, 256, 1000):
            one = cell("tcp", backend=backend, connections=connections)
            rate = factor * (100e3 + 30e3 * i) * min(connections, 16) ** 0.3
            cells[one] = noisy(rate, i + connections, client_cpu_us=4 + i / 3)
        for how in ("one-by-one", "batched"):
            rate = factor * 250e3 * (7 if how == "batched" else 1)
            cells[cell("udp", backend=backend, how=how)] = noisy(rate, i)
    one = cell("tcp", backend="epoll", connections=100, rate=50000)
    cells[one] = noisy(50e3, 9, response_ns=40e3)
    for engine in ("sync", "io_uring"):
        for direct in ("off", "on"):
            rate = factor * (2e6 if direct == "off" else 50e3)
            cells[cell("file", engine=engine, direct=direct)] = noisy(rate, 5)
    return cells


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report of two machines, one of them with a long name."""
    folder = tmp_path_factory.mktemp("report")
    made_up.result_set(folder / "one", some_cells(1), label="this machine", host={"name": "one"})
    made_up.result_set(folder / "two", some_cells(1.4), label=LONG,
                       host={"name": "two", "os": "Darwin 24.6.0", "arch": "arm64"})
    subprocess.run([REPORT, folder / "one", folder / "two"], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    return folder / "one" / "report.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    assert browser.program(), "no Chromium: scripts/install-deps test installs it"
    with browser.Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def shown(tab, page, width, theme):
    tab.look(width, theme == "dark")
    tab.open(page)
    return tab


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_fails_and_nothing_is_fetched(tab, page, width, theme):
    shown(tab, page, width, theme)
    assert tab.messages == []
    assert tab.requests == [page.resolve().as_uri()]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_every_chart_has_marks(tab, page, width, theme):
    shown(tab, page, width, theme)
    marks = tab.run(MARKS)
    assert len(marks) > 30 and min(marks) > 0, marks


@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_overlaps(tab, page, width):
    shown(tab, page, width, "light")
    tab.run("document.querySelectorAll('details').forEach((each) => each.open = true)")
    found = tab.run(OVERLAPS)
    assert found["compared"] > 500
    assert found["found"] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_as_wide_as_the_window(tab, page, width):
    shown(tab, page, width, "light")
    assert tab.run("document.documentElement.scrollWidth") <= width
    assert tab.run("""Math.max(...[...document.querySelectorAll("svg text")].map(
        (each) => each.getBoundingClientRect().right))""") <= width


def test_the_overlap_test_can_fail(tab, page):
    shown(tab, page, 390, "light")
    tab.run("document.querySelector('svg text').setAttribute('y', 40)")
    assert tab.run(OVERLAPS)["found"]


def test_the_console_is_heard(tab, page):
    shown(tab, page, 390, "light")
    tab.run("console.warn('here')")
    tab.run("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert len(tab.messages) >= 2


def visible(tab, series, chart):
    """How many marks of a series its chart shows."""
    return tab.run(f"""[...document.querySelectorAll(
        "#tcp figure[data-chart={chart}] .plot .c{series} .bar, "
        + "#tcp figure[data-chart={chart}] .plot .c{series} .mark")].length""")


@pytest.mark.parametrize("key", ["Enter", " "])
def test_legends_toggle_by_keyboard(tab, page, key):
    shown(tab, page, 1440, "light")
    charts = ("bars", "latency", "time", "scaling")
    before = {chart: visible(tab, 0, chart) for chart in charts}
    first = "document.querySelector('#tcp .legend button')"
    # From the element before it, by Tab alone.
    tab.run("document.querySelector('#tcp figure').previousElementSibling.focus()")
    tab.press("Tab")
    assert tab.run(f"document.activeElement === {first}")
    assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press(key)
    assert tab.run(f"{first}.getAttribute('aria-pressed')") == "false"
    off = {chart: visible(tab, 0, chart) for chart in charts}
    assert all(off[chart] < before[chart] for chart in charts), (before, off)
    tab.press(key)
    assert tab.run(f"{first}.getAttribute('aria-pressed')") == "true"
    assert {chart: visible(tab, 0, chart) for chart in charts} == before
    assert tab.messages == []


def test_all_series_off_and_on_again(tab, page):
    shown(tab, page, 390, "light")
    press = "document.querySelectorAll('#udp figure[data-chart=bars] .legend button')" \
            ".forEach((each) => each.click())"
    tab.run(press)
    assert tab.run("document.querySelectorAll('#udp .plot svg').length") == 0
    tab.run(press)
    assert tab.run("document.querySelectorAll('#udp .plot svg').length") > 0
    assert tab.messages == []


def test_values_are_read_by_keyboard(tab, page):
    shown(tab, page, 1440, "light")
    readout = "document.querySelector('#tcp figure[data-chart=scaling] .readout').textContent"
    tab.run("document.querySelector('#tcp figure[data-chart=scaling] .plot svg').focus()")
    tab.press("ArrowRight")
    assert tab.run(readout).startswith("1 connections:")
    tab.press("ArrowRight")
    said = tab.run(readout)
    assert said.startswith("4 connections:") and "epoll, this machine" in said and " k" in said
    tab.press("ArrowLeft")
    assert tab.run(readout).startswith("1 connections:")


def test_another_load_is_drawn(tab, page):
    shown(tab, page, 1440, "light")
    path = "document.querySelector('#tcp figure[data-chart=latency] path.series')" \
           ".getAttribute('d')"
    before = tab.run(path)
    tab.run("""(() => { const select = document.getElementById("tcp-latency");
        select.value = "5"; select.dispatchEvent(new Event("change")); })()""")
    assert tab.run(path) != before


def test_themes_and_turning_the_phone(tab, page):
    grounds = set()
    for theme in THEMES:
        shown(tab, page, 390, theme)
        grounds.add(tab.run("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    before = tab.run("document.querySelector('.plot svg').getAttribute('width')")
    tab.look(844, False)
    assert float(tab.run("document.querySelector('.plot svg').getAttribute('width')")) != \
        float(before)
    assert tab.run(OVERLAPS)["found"] == []


def test_hostile_names_stay_text(tab, tmp_path):
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'|`&amp;"
    rounds = [Round(100e3, warnings=[bad]), Round(101e3), Round(99e3)]
    made_up.result_set(tmp_path / "a", {cell("tcp", backend="epoll"): rounds}, label=bad,
                       host={name: bad for name in ("name", "os", "cpu_model", "arch")})
    made_up.result_set(tmp_path / "b", {cell("tcp", backend="epoll"): rounds}, label=bad)
    subprocess.run([REPORT, tmp_path / "a", tmp_path / "b"], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    shown(tab, tmp_path / "a" / "report.html", 1440, "light")
    assert tab.messages == []
    assert len(tab.requests) == 1
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run("document.querySelectorAll('script').length") == 3
    assert bad in tab.run("document.querySelector('.sets').textContent")
    assert min(tab.run(MARKS)) > 0


def test_one_round_of_one_thing(tab, tmp_path):
    made_up.result_set(tmp_path / "a", {cell("tcp", backend="io_uring"): [100e3]})
    subprocess.run([REPORT, tmp_path / "a"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    shown(tab, tmp_path / "a" / "report.html", 390, "dark")
    assert tab.messages == []
    assert min(tab.run(MARKS)) > 0
