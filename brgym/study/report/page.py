"""Puts the page together: tables as HTML, charts as data, and all that they need inside the one file."""

import re
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from brgym.plumbing.files import check_writable, write_text
from brgym.study.report.chart_data import chart_data
from brgym.study.report.headline import cells_line, headline, winners_of
from brgym.study.report.league import league_of
from brgym.study.report.provenance import commands, settings_table
from brgym.study.report.standing import Standings
from brgym.study.report.together import together_of
from brgym.study.results import Results
from brgym.study.statistics import CONFIDENCE
from brgym.study.study import read_results

_STUDY = "study.toml"


def write_report(folder: str | Path, out: str | Path) -> None:
    """Writes the page of a study, whole or not at all; the same results give the same bytes.

    Args:
        folder: What `brgym sweep` wrote.
        out: The page, a .html file.

    Raises:
        ValueError: If `out` is no .html file, or the folder's files are not those of a study.
        OSError: If the folder's files are not there or the page cannot be written.
    """
    source, target = Path(folder), Path(out)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"out must name a .html file, got {target}")
    check_writable({"out": target})
    write_text(report_page(read_results(source), source), target)


def report_page(found: Results, folder: Path) -> str:
    """The page as text.

    Args:
        found: The results.
        folder: Where they are from: the page shows its study file and names it in the commands.

    Raises:
        OSError: If there is a study file that cannot be read.
    """
    from plotly.offline import get_plotlyjs  # half a second to import

    study = folder / _STUDY
    standings = Standings(found)
    winners = winners_of(found, standings)
    environment = Environment(
        loader=PackageLoader("brgym.study.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return (
        environment.get_template("page.html").render(
            found=found,
            cells=cells_line(found),
            headline=headline(found, winners),
            winners=winners,
            league=league_of(found, standings),
            together=together_of(found),
            chart_data=chart_data(found),
            settings=settings_table(found),
            study=study.read_text(encoding="utf-8") if study.is_file() else None,
            versions=found.versions.items(),
            commands=commands(folder),
            confidence=f"{CONFIDENCE:.0%}",
            style=_part("page.css"),
            scripts=[Markup(get_plotlyjs()), *map(_part, ("theme.js", "table.js", "charts.js"))],
        )
        + "\n"
    )


def _breakable(specification: str) -> Markup:
    """A policy's text, which may go on in the next line after its signs."""
    return Markup(re.sub("([:,])", r"\1<wbr>", str(escape(specification))))


def _part(name: str) -> Markup:
    """A style or script of the page's own, as it is."""
    return Markup((files("brgym.study.report") / "templates" / name).read_text(encoding="utf-8"))
