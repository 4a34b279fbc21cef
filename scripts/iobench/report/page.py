"""report.html: one file with all that it needs, charts and their library included.

The charts are drawn by D3, which is bundled when the page is made. It was chosen among what Debian
packages because it draws SVG: text stays text, for the reader's zoom and dark mode and for tests,
where Chart.js and dygraphs paint on a canvas. It is 1.5 MB to install and 260 KB in the page. Of
its interface only what versions 5 (Debian's) to 7 share is used.
"""

import base64
import hashlib
import os
from pathlib import Path

from iobench.report import markdown, words
from iobench.run import ROOT, Failed

FOLDER = ROOT / "scripts" / "templates"
D3 = "d3/dist/d3.min.js"
PLACES = ("/usr/share/nodejs", "/usr/share/javascript", "/usr/lib/node_modules",
          "/usr/local/lib/node_modules", "/opt/homebrew/lib/node_modules")


def found():
    """Where D3 is; None without it."""
    named = os.environ.get("IOBENCH_D3")
    paths = [Path(named)] if named else [Path(place) / D3 for place in PLACES]
    return next((path for path in paths if path.is_file()), None)


def library():
    """D3 as text."""
    path = found()
    if not path:
        raise Failed("D3 is not here: install the package node-d3 (where there is none: "
                     "npm install -g d3)")
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")


def environment():
    try:
        import jinja2
    except ImportError:
        raise Failed("jinja2 is not here: install the package python3-jinja2") from None
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    made.globals["words"] = words
    made.filters["with_interval"] = markdown.with_interval
    return made


def digest(text):
    """As a content security policy names it."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def text(model):
    """The whole page. Its policy lets nothing run or load but the scripts that are written here."""
    made = environment()
    scripts = [library(), (FOLDER / "report.js").read_text(encoding="utf-8")]
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    policy = (f"default-src 'none'; script-src {' '.join(map(digest, scripts))}; "
              f"style-src {digest(style)}")
    return made.get_template("report.html").render(
        **model, policy=policy, scripts=scripts, style=style,
        environments=[words.environment(found) for found in model["sets"]])
