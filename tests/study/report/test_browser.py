"""The page in a browser: no complaints, it sorts, filters and draws, on a desk and on a phone, by day and by night."""

import json

import pytest

from tests.study.report.fabricated import LOADS, POLICIES
from tests.study.report.test_page import contrast

PHONE = {"width": 390, "height": 844}
ROWS = "[...document.querySelectorAll('#league-table tbody tr')]"
STUDIES = ["loads", "names", "one", "many", "hostile", "nothing"]


@pytest.fixture
def opened(browser, pages):
    """Opens a study's page in a fresh state; gives the tab."""

    def open_page(name="loads", **look):
        browser.look(**look)
        browser.complaints.clear()
        browser.requests.clear()
        browser.open(pages[name])
        return browser

    return open_page


def column(tab, header: str) -> list[str]:
    """The texts of the rows that are shown, from top to bottom."""
    script = f"""(() => {{
        const headers = [...document.querySelectorAll('#league-table thead th')].map((th) => th.innerText.trim());
        const at = headers.findIndex((text) => text.startsWith({json.dumps(header)}));
        const shown = {ROWS}.filter((row) => row.checkVisibility());
        return shown.map((row) => row.cells[at].innerText.trim());
    }})()"""
    found: list[str] = tab.run(script)
    return found


def click(tab, header: str) -> str | None:
    """Clicks a header; gives what it then says of its order."""
    script = f"""(() => {{
        const buttons = [...document.querySelectorAll('#league-table thead button')];
        const button = buttons.find((one) => one.textContent.trim() === {json.dumps(header)});
        button.click();
        return button.closest('th').ariaSort;
    }})()"""
    said: str | None = tab.run(script)
    return said


def choose(tab, selector: str, value: object) -> None:
    tab.run(f"""(() => {{
        const field = document.querySelector({json.dumps(selector)});
        field.value = {json.dumps(value)};
        for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {{ bubbles: true }}));
    }})()""")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", STUDIES)
def test_nobody_complains_and_nothing_is_fetched(opened, pages, name, width, dark):
    tab = opened(name, width=width, dark=dark)
    assert tab.run("document.title").startswith(name)
    assert tab.complaints == []
    assert tab.run("typeof hostile") == "undefined", "a name or an error was run as a script"
    assert [address for address in tab.requests if not address.startswith(("data:", "blob:"))] == [pages[name].as_uri()]


@pytest.mark.parametrize("name", STUDIES)
def test_a_phone_scrolls_one_way(opened, name):
    tab = opened(name, **PHONE)
    assert tab.run("innerWidth") == PHONE["width"]
    assert tab.run("document.documentElement.scrollWidth") <= PHONE["width"]
    outside = """[...document.querySelectorAll('h1, h2, p, nav, form, .scroll, .chart, pre, dl, details')]
        .filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 80))"""
    assert tab.run(outside) == []
    assert tab.run("parseFloat(getComputedStyle(document.querySelector('#league-table td')).fontSize)") >= 12


def test_a_header_sorts_and_sorts_back(opened):
    tab = opened()
    assert column(tab, "policy")[0].endswith("jsq")
    assert click(tab, "imbalance (tokens)") == "ascending"
    means = [float(text.split(" ")[0].replace(",", "")) for text in column(tab, "imbalance (tokens)")]
    assert means == sorted(means)
    assert len(means) == len(LOADS) * len(POLICIES)
    assert click(tab, "imbalance (tokens)") == "descending"
    assert column(tab, "imbalance (tokens)") != sorted(column(tab, "imbalance (tokens)"))
    down = [float(text.split(" ")[0].replace(",", "")) for text in column(tab, "imbalance (tokens)")]
    assert down == means[::-1]
    assert tab.run("document.querySelectorAll('#league-table [aria-sort]').length") == 1
    assert click(tab, "policy") == "ascending"
    assert [text.endswith("jsq") for text in column(tab, "policy")] == [True] * 8 + [False] * 32
    for header in ("TPOT p95 (ms)", "TPOT p95 (ms)"):  # up, then down
        click(tab, header)
        assert [text == "–" for text in column(tab, "TPOT p95")] == [False] * 32 + [True] * 8


def test_filters_hide_rows_and_say_how_many_are_left(opened):
    tab = opened()
    choose(tab, "#filters select[data-column='0']", "br-0")
    assert [text[1:] for text in column(tab, "policy")] == ["br-0"] * 8, "not the one with parameters"
    choose(tab, "#filters select[data-column='2']", "0.9")
    assert column(tab, "workload.load") == ["0.9", "0.9"]
    assert tab.run("document.getElementById('shown').textContent") == "2 of 40 rows"
    tab.run("document.querySelector('#filters [type=reset]').click()")
    tab.run("new Promise((done) => setTimeout(done, 20))")
    assert len(column(tab, "policy")) == 40
    choose(tab, "#search", "LOWEST-load window=4")
    assert len(column(tab, "policy")) == 8
    choose(tab, "#search", "no such policy")
    assert column(tab, "policy") == []
    assert tab.run("document.getElementById('shown').textContent") == "0 of 40 rows"


@pytest.mark.parametrize(("name", "figures"), [("loads", 99), ("names", 2), ("one", 2), ("many", 2), ("hostile", 2)])
def test_the_charting_library_accepts_every_chart(opened, name, figures):
    tab = opened(name)
    wrong = tab.run(
        f"const most = {figures};"
        """(() => {
        const wrong = [];
        const at = (id) => document.getElementById(id);
        const values = (id) => [...at(id).options].map((option) => option.value);
        for (const axis of values('axis')) {
            at('axis').value = axis;
            at('axis').dispatchEvent(new Event('change', { bubbles: true }));
            for (const measure of values('measure')) {
                for (const figure of values('figure').slice(0, most)) {
                    [at('measure').value, at('figure').value] = [measure, figure];
                    for (const chart of ['overview', 'seeds']) {
                        const found = Plotly.validate(...CHARTS[chart]());
                        if (found) wrong.push([chart, axis, measure, figure, found.map((one) => one.msg)]);
                    }
                }
            }
        }
        return wrong;
    })()"""
    )
    assert wrong == []
    assert tab.complaints == []


def points(tab, chart: str) -> dict[str, list[list[float]]]:
    """What a chart shows, by policy: the traces that have a name."""
    script = f"""Object.fromEntries(document.getElementById('{chart}').data.filter((trace) => trace.name)
        .map((trace) => [trace.name, ['x', 'y'].map((axis) => [...trace[axis]])]))"""
    found: dict[str, list[list[float]]] = tab.run(script)
    return found


def test_the_overview_shows_the_figure_against_the_setting_of_the_slice(opened):
    tab = opened()
    data = json.loads(tab.run("document.getElementById('chart-data').textContent"))
    choose(tab, "#axis", "1")
    choose(tab, "#slices select", "1")
    tokens = data["figures"][0]
    assert tokens["name"] == "imbalance_mean"
    load, mean = points(tab, "overview")["br-0"]
    assert load == [0.5, 0.7, 0.9, 1.1]
    assert mean == [tokens["mean"][setting][2][0] for setting in (4, 5, 6, 7)], "16 workers"
    choose(tab, "#measure", "ratio")
    assert points(tab, "overview")["br-0"][1] == [tokens["ratio"][setting][2][0] for setting in (4, 5, 6, 7)]
    choose(tab, "#setting", "3")
    shown = points(tab, "seeds")["br-0"][0]
    expected = [a / b for a, b in zip(tokens["values"][3][2], tokens["values"][3][0], strict=True)]
    assert shown == pytest.approx(expected)
    tab.run("document.querySelector('#policies input[value=\"2\"]').click()")
    assert "br-0" not in points(tab, "overview")
    assert "jsq" in points(tab, "overview")


def test_a_point_tells_its_numbers_when_hovered(opened):
    tab = opened()
    tab.run("document.getElementById('overview').scrollIntoView({ block: 'center' })")
    place = tab.run("""(() => {
        const point = [...document.querySelectorAll('#overview .points path')].at(-1).getBoundingClientRect();
        return [point.x + point.width / 2, point.y + point.height / 2];
    })()""")
    for shift in (5, 0):
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0] + shift, y=place[1])
    tab.run("new Promise((done) => setTimeout(done, 200))")
    said = tab.run("document.querySelector('#overview .hoverlayer').textContent")
    assert POLICIES[-1] in said
    assert "workload.load = 1.1" in said
    assert "tokens" in said


COLOURS = """(() => {
    const two = (x) => Math.round(x).toString(16).padStart(2, '0');
    const hex = (colour) => '#' + colour.match(/[\\d.]+/g).slice(0, 3).map(two).join('');
    const behind = (one) => {
        const colour = getComputedStyle(one).backgroundColor;
        return colour === 'rgba(0, 0, 0, 0)' && one.parentElement ? behind(one.parentElement) : hex(colour);
    };
    const texts = ['h1', '.lead', '.note', 'nav a', '.good', 'thead th', 'tbody th', 'dt', 'pre', 'input', 'summary'];
    const picture = ['#overview .xtick text', '#overview .ytitle', '#seeds .ytick text'];
    const said = (kind) => (name) => {
        const one = document.querySelector(name);
        return [name, hex(getComputedStyle(one)[kind]), behind(one)];
    };
    return [...texts.map(said('color')), ...picture.map(said('fill'))];
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_is_legible_by_day_and_by_night(opened, dark):
    tab = opened(dark=dark)
    for name, colour, background in tab.run(COLOURS):
        assert contrast(colour, background) >= 4.5, (name, colour, background)
        assert (contrast(background, "#000000") < 3) == dark, name


def test_charts_follow_when_night_falls(opened):
    tab = opened()
    ink = "getComputedStyle(document.querySelector('#overview .xtick text')).fill"
    by_day = tab.run(ink)
    tab.look(dark=True)
    tab.run("new Promise((done) => setTimeout(done, 100))")
    assert tab.run(ink) != by_day


def test_without_scripts_the_tables_are_there_and_the_controls_are_not(opened, browser):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab = opened()
        tree = tab.call("DOMSnapshot.captureSnapshot", computedStyles=["display"])
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    strings = tree["strings"]
    laid_out = tree["documents"][0]["layout"]
    said = " ".join(strings[text] for text in laid_out["text"] if text >= 0)
    assert "imbalance ratio" in said
    assert "Charts are drawn by scripts" in said
    assert "Show all" not in said
