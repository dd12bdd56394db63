import pytest
from pydantic import ValidationError

from dualhash.errors import DualhashError
from dualhash.network import describe_backbone
from dualhash.training.config import TrainConfig
from dualhash.training.presets import PRESETS, preset_config


def test_defaults_match_the_paper():
    config = TrainConfig()
    assert (config.attribute_images, config.categories_per_batch, config.images_per_category) == (
        64,
        16,
        4,
    )
    assert (config.lr_pretrained, config.lr_new, config.alpha) == (1e-3, 1e-2, 0.1)
    assert (config.schedule, config.step_every, config.iterations) == ("step", 60_000, 150_000)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_round_trip_through_json(name: str):
    config = preset_config(name)
    assert config.preset == name
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("name", PRESETS)
def test_presets_start_from_available_weights(name: str):
    config = preset_config(name)
    assert config.pretrained == (describe_backbone(config.backbone).weights is not None)


def test_released_presets_match_the_released_solver():
    imagenet, cfw = preset_config("released-imagenet"), preset_config("released-cfw")
    assert (imagenet.iterations, cfw.iterations) == (29_600, 27_500)
    for config in (imagenet, cfw):
        assert (config.shuffled_images, config.schedule) == (200, "fixed")
        assert (config.lr_new, config.lr_pretrained) == (1e-2, 1e-3)
        assert (config.bias_lr_multiplier, config.decay_bias, config.weight_decay) == (
            2.0,
            False,
            5e-4,
        )
    assert (imagenet.mirror, cfw.mirror) == (True, False)


def test_unknown_presets_and_settings_suggest_the_nearest():
    with pytest.raises(DualhashError, match="paper-imagenet"):
        preset_config("paper-imagnet")
    with pytest.raises(DualhashError, match="momentum"):
        preset_config("small", momentun=0.8)
    with pytest.raises(ValidationError, match="momentun"):
        TrainConfig(momentun=0.8)


def test_values_out_of_range_are_named():
    with pytest.raises(DualhashError, match="bits"):
        preset_config("small", bits=100)
    with pytest.raises(DualhashError, match="at least 0"):
        preset_config("small", alpha=-1.0)
    with pytest.raises(DualhashError, match="momentum above 0"):
        preset_config("small", momentum=0)
    with pytest.raises(DualhashError, match="ascend"):
        preset_config("small", alphas=(0.1, 0.3))


def test_epochs_and_iterations_exclude_each_other():
    config = preset_config("small", epochs=3)
    assert (config.iterations, config.epochs) == (None, 3)
    config = preset_config("features", iterations=3)
    assert (config.iterations, config.epochs) == (3, None)
    with pytest.raises(DualhashError, match="either iterations or epochs"):
        preset_config("small", epochs=3, iterations=5)


def test_another_code_head_does_not_take_the_settings_of_the_preset():
    assert preset_config("features").head_settings == {"dropout": 0.3}
    assert preset_config("features", code_head="my_heads:MyHead").head_settings == {}
    assert preset_config("features", head_settings={"units": 8}).head_settings == {"units": 8}
