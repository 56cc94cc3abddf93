"""What the page says: from the rule that the results were fabricated by, without a browser."""

import dataclasses
import math
import re
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from brgym.study import mean_interval, paired_ratio
from brgym.study.aggregate import interquartile_mean, ratios_to
from brgym.study.report import report_page
from brgym.study.report.chart_data import chart_data
from brgym.study.report.headline import cells_line, headline, winners_of
from brgym.study.report.league import league_of, plus_minus, with_interval
from brgym.study.report.standing import BOUND, ENVELOPE, Standings, words
from brgym.study.report.together import together_of
from brgym.study.shown_figures import league_figures, shown
from tests.study.report.fabricated import HOSTILE, LOADS, NAMES, ONE, POLICIES, imbalance, results
from tests.study.report.reading import Reader

SEEDS = range(5)
BOOTSTRAP: Any = {"method": "bootstrap"}


def tokens(setting: int, policy: int, seeds=SEEDS) -> np.ndarray:
    return np.array([imbalance(setting, policy, seed) for seed in seeds])


def league(page: str) -> list[list[str]]:
    (table,) = [table for table in Reader(page).tables if "imbalance ratio" in table[0]]
    return [[" ".join(cell.split()) for cell in row] for row in table]


def test_the_same_results_give_the_same_bytes(tmp_path):
    assert report_page(results(), tmp_path) == report_page(results(), tmp_path)


def test_nothing_is_fetched(pages):
    page = pages["loads"].read_text()
    assert "default-src 'none'" in page
    addresses = [value for _, name, value in Reader(page).attributes if name in ("src", "href", "action", "data")]
    assert addresses
    assert all(address.startswith("#") for address in addresses if address is not None)


def test_texts_of_others_are_texts(pages):
    page = pages["loads"].read_text()
    assert HOSTILE not in page
    assert Reader(page).texts.count(HOSTILE) == 2 * 2, "error and traceback of two cells"


def test_the_league_has_a_row_a_setting_and_policy_without_scripts(pages):
    header, *rows = league(pages["loads"].read_text())
    assert header[:3] == ["policy", "cluster.workers", "workload.load"]
    assert len(rows) == len(LOADS) * len(POLICIES)
    first = dict(zip(header, rows[3], strict=True))
    assert POLICIES[3] in first["policy"]
    assert (first["cluster.workers"], first["workload.load"]) == ("8", "0.5")
    mean, ratio = mean_interval(tokens(0, 3), **BOOTSTRAP), paired_ratio(tokens(0, 3), tokens(0, 0), **BOOTSTRAP)
    assert first["imbalance (tokens)"] == f"{mean.mean:,.0f} ± {mean.half_width:,.0f}"
    assert first["imbalance ratio"] == f"{ratio.mean:.3f} [{ratio.low:.3f}, {ratio.high:.3f}] ✓"
    assert first["routing p99 (us)"] == "40.0"


def test_a_mark_says_which_way_a_difference_stands(pages):
    header, *rows = league(pages["loads"].read_text())
    at = header.index("throughput ratio")
    assert rows[0][at] == "1", "the reference"
    assert rows[1][at][-1] == "]", "1 % up and down"
    assert rows[2][at].endswith("✓"), "less imbalance is more throughput"


def test_worse_is_worse():
    best = dataclasses.replace(results(ONE, policies=("worst", "as bad", "best", "middle")), reference="best")
    rows = {row.policy: row for row in league_of(best, Standings(best)).rows}
    assert [cell.good for cell in rows["worst"].cells[1:4:2]] == [False, False], "imbalance and throughput"
    assert rows["best"].is_reference


def test_what_failed_is_left_out_and_said(pages):
    header, *rows = league(pages["loads"].read_text())
    there = tokens(0, 2, [0, 2, 3, 4])
    assert rows[2][header.index("seeds")] == "4 of 5"
    assert rows[2][header.index("imbalance (tokens)")] == plus_minus(
        mean_interval(there, **BOOTSTRAP), shown("imbalance_mean")
    )
    ratio = with_interval(paired_ratio(there, tokens(0, 0, [0, 2, 3, 4]), **BOOTSTRAP))
    assert rows[2][header.index("imbalance ratio")] == f"{ratio} ✓"
    assert rows[0][header.index("seeds")] == "5"


def test_figures_of_the_whole_run_stand_before_the_others():
    there = ("throughput_tok_s", "preemptions", "run_imbalance_mean", "imbalance_mean", "run_throughput_tok_s")
    assert league_figures(there) == ("run_imbalance_mean", "run_throughput_tok_s", "preemptions")
    assert shown("run_imbalance_mean").header == "imbalance, whole run (tokens)"
    assert shown("unheard_of").header == "unheard of"


def test_what_is_not_there_is_a_dash_that_sorts_last():
    table = league_of(results(), Standings(results()))
    cell = table.rows[1].cells[table.headers.index("TPOT p95 (ms)")]
    assert (cell.text, cell.order) == ("–", None)


def test_the_best_knows_no_output_lengths_and_has_every_seed():
    found = results(LOADS[:2], failed=[(0, 2, 1)])
    winners = winners_of(found, Standings(found))
    assert [winner.policy for winner in winners] == [POLICIES[3], "br-0"]
    assert all(winner.certain for winner in winners)
    assert "stands in 2 of 2" in headline(found, winners)
    assert cells_line(found) == "2 settings × 5 policies × 5 seeds = 50 cells: 49 done, 1 failed."


@pytest.mark.parametrize("unending", [math.inf, math.nan])
def test_what_json_does_not_know_is_a_choice(unending):
    (varied,) = chart_data(results([{"workload.load": load} for load in (0.5, unending)]))["varied"]
    assert varied["values"] == ["0.5", str(unending)]


@pytest.mark.parametrize(
    ("policies", "seeds", "said"),
    [
        (("jsq",), 5, "jsq has the lowest imbalance; it is the reference."),
        (("jsq", "least-kv", "br-0"), 1, "br-0 has the lowest imbalance, 0.510 times that of jsq: no interval."),
    ],
)
def test_the_headline_claims_no_more_than_there_is(policies, seeds, said):
    found = results(ONE, policies=policies, seeds=seeds)
    assert headline(found, winners_of(found, Standings(found))) == said


def test_a_difference_that_the_seeds_do_not_show_may_be_chance():
    found = results(ONE, policies=("jsq", "least-kv"), seeds=2)
    (winner,) = winners_of(found, Standings(found))
    assert (winner.policy, winner.stands, winner.certain) == ("least-kv", "may be chance", False)


def test_a_study_in_which_all_failed_has_a_page(pages):
    text = Reader(pages["nothing"].read_text()).texts
    assert "No cell has results yet." in text
    assert "0 done, 5 failed" in text


def test_the_charts_have_every_figure_that_differs():
    data = chart_data(results())
    names = [figure["name"] for figure in data["figures"]]
    assert {"imbalance_mean", "throughput_tok_s", "tpot_s_p95", "routing_time_p99_s"} <= set(names)
    assert not {"requests", "preemptions", "energy_j"} & set(names)
    figure = data["figures"][names.index("imbalance_mean")]
    assert figure["values"][5][2] == pytest.approx(tokens(5, 2), rel=1e-5)
    ratio = paired_ratio(tokens(5, 2), tokens(5, 0))
    assert figure["ratio"][5][2] == pytest.approx([ratio.mean, ratio.low, ratio.high], rel=1e-5)
    assert data["settings"][5] == [1, 1]
    assert [varied["numeric"] for varied in data["varied"]] == [True, True]


def test_words_among_numbers_are_choices_not_an_axis():
    mixed = [{"workload.load": load} for load in (0.5, "backlog")]
    (varied,) = chart_data(results(mixed))["varied"]
    assert varied == {
        "name": "workload.load",
        "numeric": False,
        "values": ["0.5", "backlog"],
        "texts": ["0.5", "backlog"],
    }
    assert [one["name"] for one in chart_data(results(NAMES))["varied"]] == ["workload.name"]


def test_the_study_file_its_settings_and_the_commands_are_there(tmp_path):
    folder = tmp_path / "my loads"
    folder.mkdir()
    (folder / "study.toml").write_text('policies = ["jsq", "<b>"]\n')
    text = Reader(report_page(results(), folder)).texts
    for said in (
        'policies = ["jsq", "<b>"]\n',
        "0.5, 0.7, 0.9, 1.1",
        "brgym sweep 'my loads/study.toml' --out",
        "numba",
    ):
        assert said in text


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in channels]
    return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_are_told_from_the_background(theme):
    style = (files("brgym.study.report") / "templates" / "page.css").read_text()
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for name in ("text", "quiet", "accent", "good", "bad"):  # WCAG 2.2, 1.4.3: text
        assert contrast(colours[name], colours["background"]) >= 4.5, name
        assert contrast(colours[name], colours["raised"]) >= 4.5, name
    for place in range(8):  # WCAG 2.2, 1.4.11: what one must see to read a picture
        assert contrast(colours[f"policy-{place}"], colours["background"]) >= 3, place


def test_all_settings_together_are_the_interquartile_means(pages):
    found = results()
    ratios = ratios_to([[tokens(s, p) for p in range(len(POLICIES))] for s in range(len(LOADS))], 0)
    means = interquartile_mean(ratios)
    table = together_of(found)
    assert table is not None
    assert table.settings == len(LOADS)
    assert [row.policy for row in table.rows] == [POLICIES[place] for place in np.argsort(means.mean)]
    best = table.rows[0]
    assert best.ratio == with_interval(means[POLICIES.index(best.policy)])
    assert best.shares[0] == "100 [100, 100]", "0.3 times, always"
    assert "All settings together" in pages["loads"].read_text()


def test_settings_with_a_hole_are_left_out_of_it():
    assert together_of(results(LOADS[:2], failed=[(0, 1, 1)])) is None
    three = together_of(results(LOADS[:3], failed=[(0, 1, 1)]))
    assert three is not None
    assert three.settings == 2


def test_what_could_be_recovered_is_shown_where_it_is_known():
    found = results(ONE)
    known = found.table
    for name, values in ((ENVELOPE, [100.0, 90.0, 60.0, 70.0, 50.0] * 5), (BOUND, [50.0] * 25)):
        known = known.append_column(name, pa.array(values))
    bounded = dataclasses.replace(found, table=known)
    table = league_of(bounded, Standings(bounded))
    at = table.headers.index("recovered (%)")
    assert [row.cells[at].text.split()[0] for row in table.rows] == ["0", "20", "80", "60", "100"]


def test_what_does_not_stand_says_how_many_seeds_would_tell():
    found = results(ONE, policies=("jsq", "least-kv"), seeds=5)
    row = league_of(found, Standings(found)).rows[1]
    cell = row.cells[1]
    assert cell.verdict == "open"
    assert "5 seeds do not support a difference" in cell.note


def test_numbers_among_words_are_an_axis_where_there_are_two():
    mixed = [{"workload.load": load} for load in (0.5, 0.9, "backlog")]
    (varied,) = chart_data(results(mixed))["varied"]
    assert (varied["numeric"], varied["values"]) == (True, [0.5, 0.9, None])


def test_what_follows_from_another_setting_is_not_told_twice():
    settings = [
        {"workload.name": name, "workload.requests": requests, "workload.load": load, "cluster.slots": slots}
        for name, requests in (("a", 10), ("b", 10), ("c", 20))
        for load, slots in ((0.5, 1), (0.7, 2))
    ]
    found = results(settings)
    assert found.varied == ("workload.name", "workload.requests", "workload.load", "cluster.slots")
    assert found.telling == ("workload.name", "workload.load")
    assert league_of(found, Standings(found)).varied == found.telling


def test_the_setting_that_leaves_everything_as_it_is_says_so():
    found = results(({"cluster.workers": 8}, {"cluster.workers": 8, "cluster.engine": "vllm"}), seeds=2)
    assert [words(found, setting) for setting in (0, 1)] == ["cluster.engine = none", "cluster.engine = vllm"]
    assert words(results(ONE, seeds=2), 0) == "the one setting"
