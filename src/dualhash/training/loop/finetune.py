"""Finetuning: the top stages of a built-in network are trained on with a learned code head."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from dualhash.array_cache import cache_folder
from dualhash.features.feature_array import extract_features
from dualhash.features.onnx_export import exported_extractor
from dualhash.features.pooled_network import PooledNetwork
from dualhash.features.registry import EXTRACTORS
from dualhash.network import FeatureNetwork, FinetunedNetwork
from dualhash.progress import Display
from dualhash.training.data.frozen_features import FrozenFeatures, flat
from dualhash.training.data.training_data import TrainingData, iterations_of
from dualhash.training.initial_network import autocast_type
from dualhash.training.loop.callbacks import chosen_round
from dualhash.training.loop.fit_network import NetworkFit, TrainerOptions
from dualhash.training.loop.train_network import TrainedNetwork


class LowerStages(nn.Module):
    """From RGB images, uint8 (N, h, w, 3), to what `FinetunedNetwork.upper` needs, as vectors."""

    def __init__(self, network: FinetunedNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Returns float16 (N, H * W * C + d)."""
        return flat(self.network.lower(images))


def finetune(
    trained: TrainedNetwork, folder: Path, display: Display, options: TrainerOptions
) -> TrainedNetwork:
    """Trains the top stages of the network below a code head, and the head, or resumes that.

    Args:
        trained: A code head on kept features of a built-in network; its settings say how many
            stages are trained, how long, and with which learning rate.
        folder: Folder for checkpoints and logs.
        display: Shows progress.
        options: Devices and logs.
    """
    config, network = trained.data.config, trained.network
    assert config.features is not None
    assert isinstance(network.backbone, FeatureNetwork)
    pooled = EXTRACTORS.build(config.features, {}, trained.data.crop)
    assert isinstance(pooled, PooledNetwork)
    finetuned = FinetunedNetwork(pooled, config.finetune, network.backbone)
    frozen = _frozen(finetuned, trained.data, display)
    network.backbone = finetuned
    network.autocast = autocast_type(config.precision)
    settings = {
        "lr_new": config.finetune_lr,
        "lr_pretrained": config.finetune_lr,
        "epochs": config.finetune_epochs,
        "iterations": None,
        "min_iterations": 1,
        "mirror": False,
    }
    data = replace(trained.data, config=config.model_copy(update=settings), frozen=frozen)
    iterations, before = iterations_of(data), trained.report
    network, rounds = NetworkFit(
        data,
        f"finetuning {config.finetune} stages",
        folder / "finetuning",
        display,
        options,
        alpha=before["alpha"],
        iterations=iterations,
        start=network,
    ).run()
    report = {
        **before,
        "seconds": before["seconds"] + rounds[-1]["seconds"],
        "best": chosen_round(rounds, config.final_weights),
        "finetuning": {"iterations": iterations, "best_before": before["best"]},
    }
    return TrainedNetwork(data, network, report)


def _frozen(finetuned: FinetunedNetwork, data: TrainingData, display: Display) -> FrozenFeatures:
    assert data.preprocessing is not None
    lower = LowerStages(finetuned).eval()
    name = f"{data.config.features}, {finetuned.frozen} stages"
    with torch.random.fork_rng(devices=()), torch.inference_mode():
        extractor = exported_extractor(
            name, lower, [finetuned.pooled], data.preprocessing, cache_folder()
        )
        example = finetuned.lower(torch.zeros(1, *data.crop, 3, dtype=torch.uint8))
    _, channels, height, width = example.maps.shape
    with display.bar(name) as step:
        kept = extract_features(extractor, data.files, cache_folder(), step)
    return FrozenFeatures(kept.values[:, None], (height, width, channels), kept.failed)
