from pathlib import Path

import pytest

from dualhash.errors import DualhashError
from dualhash.training.presets import preset_config
from reproduction.additional_tables import SSDH_SETTINGS
from reproduction.grid_cell import PRETRAINING, Cell
from reproduction.grid_plan import PLANS, QUICK_SETTINGS, plan_for
from reproduction.method_outputs import TOGETHER
from reproduction.paper_claims import claims, compared_figures
from reproduction.paper_exhibits import cells_of, chosen_exhibits, exhibits
from reproduction.printed_tables import printed
from reproduction.required_figures import RequiredFigures, required_figures
from reproduction.result_store import ResultStore
from reproduction.setting_choice import chosen_settings, trial_cells, trials_of
from reproduction.standard_cells import category_bits, parts_of, usual
from reproduction.table_definition import TASKS, Exhibit, Picture
from tests.reproduction.small_grid import PLAN, figure, result

ROOT = Path(__file__).parents[2]
EVERY = [
    "table-1", "table-2", "figure-8", "table-3", "figure-9", "figure-10", "figure-11", "table-4",
    "figure-12", "figure-13", "figure-14", "figure-15", "class-id", "unseen", "lengths", "balance",
    "halves", "filters", "swaps", "choices",
]  # fmt: skip
OPTIONAL = {"choices": "trials", "lengths": "passes"}
DPH = usual("dph", PLAN)[0]


def tables(plan) -> dict[str, Exhibit]:
    return {name: each for name, each in exhibits(plan).items() if isinstance(each, Exhibit)}


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("quick", [False, True])
def test_every_table_has_an_entry_for_each_column(name: str, quick: bool):
    plan = plan_for(name, quick=quick)
    without = {name for name, there in OPTIONAL.items() if not getattr(plan, there)}
    assert list(exhibits(plan)) == [name for name in EVERY if name not in without]
    for exhibit in tables(plan).values():
        for entries in exhibit.rows.values():
            assert len(entries) == len(exhibit.columns)


@pytest.mark.parametrize("name", PLANS)
def test_different_cells_have_different_names(name: str):
    plan = plan_for(name)
    cells = cells_of(exhibits(plan))
    every = {*cells, *(part for cell in cells for part in parts_of(cell, plan))}
    every |= {trial for method in plan.trials for trial in trial_cells(method, plan)}
    assert len({cell.name for cell in every}) == len(every)


def test_a_cell_of_several_tables_is_listed_once():
    cells = cells_of(exhibits(PLAN))
    assert len(cells) == len(set(cells))
    feeds = [name for name, each in exhibits(PLAN).items() if DPH in each.cells()]
    assert feeds == [name for name in EVERY if name not in {"unseen", "choices"}]


def test_cells_of_chosen_tables():
    assert list(chosen_exhibits(PLAN, ["table-4", "table-1"])) == ["table-1", "table-4"]
    with pytest.raises(DualhashError, match=r"no table or figure 'table-5'.*'table-4'"):
        chosen_exhibits(PLAN, ["table-5"])


def test_claimed_methods_have_both_seeds_and_others_one():
    seeds = {method: [cell.seed for cell in usual(method, PLAN)] for method in ("dph", "itq")}
    assert seeds == {"dph": [0, 1], "itq": [0]}


def test_every_deep_method_starts_from_the_same_weights():
    for cell in cells_of(exhibits(PLAN)):
        if cell.method in {*TOGETHER, "svm-binary"}:
            continue
        backbones = [part for part in parts_of(cell, PLAN) if part.method == PRETRAINING]
        published = dict(cell.settings).get("backbone") == "efficientnet-lite0"
        assert len(backbones) == (0 if published else 1)
        assert all(part.held_out == PLAN.held_out for part in backbones)


def test_combined_methods_use_the_models_of_their_seed():
    made_of = {
        cell.name: [part.name for part in parts_of(cell, PLAN)]
        for cell in cells_of(exhibits(PLAN))
        if cell.method in TOGETHER or cell.method == "svm-binary"
    }
    assert made_of == {
        "svm-binary-16-s0": ["ssdh-16-s0"],
        "multiple-model-16-s0": ["ssdh-8-s0", "cnn-attribute-s0"],
        "multiple-model-16-s1": ["ssdh-8-s1", "cnn-attribute-s1"],
        "class-id-s0": ["ssdh-16-s0", "cnn-attribute-s0"],
        "ssdh-by-dph-16-s0": ["ssdh-8-s0", "dph-16-s0"],
        "dph-by-cnn-attribute-16-s0": ["dph-16-s0", "cnn-attribute-s0"],
    }


def test_a_category_code_and_the_attributes_share_the_bits():
    assert category_bits(plan_for("fashion")) == 256 - 32
    assert category_bits(plan_for("imagenet150k")) == 224  # of 231, for codes are whole bytes


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("quick", [False, True])
def test_every_code_has_whole_bytes_and_room_for_a_category(name: str, quick: bool):
    plan = plan_for(name, quick=quick)
    every = cells_of(exhibits(plan))
    every += [part for cell in every for part in parts_of(cell, plan)]
    assert all(cell.bits >= 0 and cell.bits % 8 == 0 for cell in every)
    assert category_bits(plan) >= 8


@pytest.mark.parametrize("name", PLANS)
def test_quick_trainings_are_short_with_every_backbone(name: str):
    plan = plan_for(name, quick=True)
    for backbone, settings in plan.backbones.items():
        start = {"pretrained": True} if backbone in plan.pretrained else {"weights": "a model"}
        config = preset_config(**{**plan.training, **start, **settings})
        assert (config.iterations, config.epochs) == (QUICK_SETTINGS["iterations"], None)


def test_fixed_settings_of_a_backbone_have_no_trials():
    own = Cell("dph", 16, settings=(("backbone", "efficientnet-lite0"),))
    tried = {trial.settings[0][0] for trial in trials_of(own, PLAN)}
    assert tried == {"alpha"}
    assert {trial.settings[0][0] for trial in trials_of(DPH, PLAN)} == {"alpha", "lr_pretrained"}


def test_trials_choose_the_settings_that_a_cell_leaves_open():
    tried = trial_cells("dph", PLAN)
    assert trials_of(DPH, PLAN) == tried
    assert not trials_of(tried[0], PLAN)
    with_alpha = Cell("dph", 16, settings=(("alpha", 0.3),))
    assert trials_of(with_alpha, PLAN) == tried[len(PLAN.trials["dph"]["alpha"]) :]
    assert not trials_of(Cell("itq", 16), PLAN)


def test_required_figures_follow_from_the_tables_of_a_cell():
    required = required_figures(PLAN)
    assert required[DPH].extras == {"histogram", "bits", "attribute_sheet", "combined_sheet"}
    assert {"category_map", "avg_hm", "half_least_category_map"} < required[DPH].figures
    assert (required[DPH].before, required[DPH].halves, required[DPH].weighted) == (
        True,
        True,
        True,
    )
    other = required[usual("dph", PLAN)[1]]
    assert (other.before, other.halves, other.weighted, other.extras) == (True, False, False, set())
    assert required[usual("ssdh", PLAN)[0]] == RequiredFigures(
        frozenset({"category_map"}), draws=frozenset({"category_map"})
    )
    assert not required[Cell("lsh", 16)].draws


def test_a_result_without_a_required_figure_is_incomplete():
    required = required_figures(PLAN)[DPH]
    whole = {
        "figures": {name: figure(0.5) for name in required.figures},
        "extras": {name: {} for name in required.extras},
        "draws": {name: [0.5] for name in required.draws},
    }
    assert required.met_by(result(DPH, **whole))
    for part, values in whole.items():
        some = {name: values[name] for name in sorted(values)[1:]}
        assert not required.met_by(result(DPH, **{**whole, part: some}))


def test_claims_are_about_cells_of_the_grid():
    assert set(compared_figures(PLAN)) <= set(cells_of(exhibits(PLAN)))
    assert "category-map-near-ssdh" in claims(PLAN)


def test_the_papers_tables_have_the_rows_and_columns_of_the_grid():
    known = exhibits(plan_for("fashion"))
    for name, printings in printed().items():
        exhibit = known[name]
        for table in printings:
            assert all(len(values) == len(table.columns) for values in table.rows.values())
            if isinstance(exhibit, Exhibit):
                assert table.columns == exhibit.columns
                assert list(table.rows) == list(exhibit.rows)
            else:
                assert isinstance(exhibit, Picture)


def test_printed_numbers_of_the_paper():
    tables = {(name, table.dataset): table.rows for name in printed() for table in printed()[name]}
    assert tables["table-4", "SUN-120K"]["SSDH"] == (0.381, 0.394, 0.394, 0.372)
    assert tables["table-4", "CFW-60K"]["DPH"] == (0.247, 0.329, 0.4, 0.439)
    assert tables["table-3", "ImageNet-150K"]["B + A + C"] == (0.355, 0.886)


def test_an_unknown_catalogue_is_refused():
    with pytest.raises(DualhashError, match=r"no plan for 'fashon'\. Did you mean 'fashion'"):
        plan_for("fashon")


def test_every_column_has_its_figure():
    heads = {"true positive rate": "avg_tpr", "true negative rate": "avg_tnr"}
    heads |= {"precision": "avg_precision", "average HM": "avg_hm", "mAP": "category_map"}
    heads |= {"among the unseen": "unseen_map", "among all": "unseen_among_all_map", **TASKS}
    seen = 0
    for exhibit in tables(PLAN).values():
        for entries in exhibit.rows.values():
            for column, entry in zip(exhibit.columns, entries, strict=True):
                if entry is not None and column in heads:
                    name = entry.figure.removeprefix("real_")
                    name = name.removeprefix("half_least_").removeprefix("half_most_")
                    assert name == heads[column]
                    seen += 1
    assert seen > 50


def test_smaller_subsets_are_trained_for_more_epochs():
    images = {"B": 3000, "B+A": 3000 + 8000, "B+C": 3000 + 17756}
    every = 8 * (3000 + 8000 + 17756)
    passes = plan_for("fashion").passes
    assert all(abs(passes[seen] * images[seen] / every - 1) < 0.02 for seen in images)
    rows = exhibits(PLAN)["lengths"].rows
    for seen, head in (("B", "B"), ("B+A", "B + A"), ("B+C", "B + C")):
        for entry in rows[head]:
            assert [(each.seen, each.settings) for each in entry.cells] == [
                (seen, (("epochs", passes[seen]),))
            ]


def test_attribute_model_of_each_combined_method():
    cells = {title: row[0].cells[0] for title, row in exhibits(PLAN)["filters"].rows.items()}
    methods = {title: (cell.method, dict(cell.settings)) for title, cell in cells.items()}
    assert methods == {
        "Multiple-model": ("multiple-model", {}),
        "SVM-binary": ("svm-binary", {}),
        "DPH": ("dph", {}),
        "DPH, before quantisation": ("dph", {}),
        "DPH, hinge": ("dph", {"attribute_loss": "hinge"}),
    }


def test_longer_training_is_twice_as_long():
    rows = exhibits(PLAN)["balance"].rows
    settings = [dict(entries[0].cells[0].settings) for entries in rows.values()]
    twice = 2 * PLAN.training["epochs"]
    alphas = [{"alpha": 0.0}, {"alpha": 0.1}]
    assert settings == [{}, *alphas, dict(SSDH_SETTINGS), {"epochs": twice}]
    assert rows["alpha 0"][1:] == (None, None)  # it learns no attributes


def test_ssdh_loss_is_tried_with_the_settings_of_ssdh():
    results = ResultStore(ROOT / "benchmarks" / "results" / "paper" / "fashion").read()
    plan = plan_for("fashion")
    ssdh = chosen_settings(usual("ssdh", plan)[0], plan, results)
    assert dict(SSDH_SETTINGS) == {"category_loss": "ssdh", **ssdh}


def test_settings_chosen_for_one_catalogue_are_not_used_on_others():
    title = "SSDH's category loss"
    assert title in exhibits(plan_for("fashion"))["balance"].rows
    assert title not in exhibits(plan_for("cfw60k"))["balance"].rows
