"""The Lightning module: loss, optimiser and validation of a network."""

import math

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate_codes import validation_figures
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.losses import JointLoss
from dualhash.network import DualHashNetwork, parameter_groups
from dualhash.network.hashnet_layer import ContinuationLayer
from dualhash.network.network import NetworkOutput
from dualhash.training.config import TrainConfig
from dualhash.training.data.training_data import NETWORK, Batch, generator_for
from dualhash.training.loop.learning_rate_schedule import multiplier
from dualhash.training.loop.validation_score import validation_score
from dualhash.training.loop.whole_batch import SynchronisedBatchNorm, whole_batch

LOSSES = ("loss", "category_loss", "attribute_loss")
"""Loss of a batch (equation 8) and its two terms, before the multiplication by alpha."""


class DualHashModule(LightningModule):
    """Trains a `DualHashNetwork` with the joint loss (equation 8).

    The randomness of an iteration depends only on the seed and the number of the iteration, so a
    resumed training gives the same result as one without interruption. On n devices it is that of
    one device, except for rounding and for the units that dropout drops.
    """

    def __init__(
        self, network: DualHashNetwork, loss: JointLoss, config: TrainConfig, iterations: int
    ) -> None:
        super().__init__()
        self.network, self.loss = network, loss
        self.config, self.iterations = config, iterations
        self._outputs: list[tuple[Tensor, ...]] = []

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Returns the optimiser, a learning rate per parameter group, and the schedule."""
        optimiser = build_optimiser(self.network, self.loss, self.config)
        schedule = LambdaLR(optimiser, multiplier(self.config, self.iterations))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seeds dropout, and updates a hash layer that changes during training."""
        generator = generator_for(self.config.seed, NETWORK, self.global_step, self.global_rank)
        torch.manual_seed(int(generator.integers(2**63)))
        if isinstance(self.network.hash_layer, ContinuationLayer):
            self.network.hash_layer.set_progress(self.global_step / self.iterations)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Returns the losses of a batch; their means over a round are logged.

        Raises:
            DualhashError: The loss is infinite or NaN.
        """
        output = self._output(batch)
        output = output._replace(outputs=output.outputs[:, self.network.category_bits])
        value = self.loss(output, batch.categories, batch.attributes, batch.observed)
        if not value.total.isfinite():
            raise DualhashError(
                f"The training diverged: at iteration {self.global_step:,} the loss is "
                f"{value.total.item()}. Lower the learning rates (--lr-new, --lr-pretrained)."
            )
        losses = dict(zip(LOSSES, value, strict=True))
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(batch.categories))
        return losses

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collects codes, probabilities and labels of a batch."""
        outputs = self.network.codes_and_probabilities(self._output(batch))
        labels = (batch.categories, batch.attributes.to(torch.int8), batch.observed)
        self._outputs.append((*outputs, *labels))

    def _output(self, batch: Batch) -> NetworkOutput:
        """Returns the output for the whole batch, of which this process computes a part."""
        with SynchronisedBatchNorm():
            output = self.network(batch.inputs)
        return NetworkOutput(*(whole_batch(part, len(batch.categories)) for part in output))

    def on_validation_epoch_end(self) -> None:
        """Logs category mAP, avg HM and their harmonic mean on the validation images.

        If alpha is 0, attributes are not learned and the score is category mAP alone.
        """
        codes, probabilities, *labels = (
            torch.cat(column).cpu().numpy() for column in zip(*self._outputs, strict=True)
        )
        self._outputs.clear()
        ranked = codes[:, self.network.category_bits]
        category_map, avg_hm = validation_figures(ranked, probabilities, TrueLabels(*labels))
        score = validation_score(category_map, avg_hm if self.loss.alpha else math.nan)
        self.log_dict({"category_map": category_map, "avg_hm": avg_hm, "score": score})


def build_optimiser(network: DualHashNetwork, loss: JointLoss, config: TrainConfig) -> Optimizer:
    """Returns SGD or AdamW, with a group of weights and one of biases per role of parameters.

    Equation 8 multiplies the gradient of the attribute head by alpha. `alpha_spares_head` undoes
    that: it divides the learning rate of the head by alpha and multiplies its weight decay.
    """
    spared = loss.alpha if config.alpha_spares_head and loss.alpha else 1.0
    rates = {
        "pretrained": config.lr_pretrained,
        "new": config.lr_new,
        "attribute head": config.lr_new / spared,
    }
    groups = []
    for (role, kind), parameters in parameter_groups(network, loss).items():
        is_weight = kind == "weight"
        decay = config.weight_decay if is_weight or config.decay_bias else 0.0
        groups.append(
            {
                "params": parameters,
                "lr": rates[role] * (1.0 if is_weight else config.bias_lr_multiplier),
                "weight_decay": decay * (spared if role == "attribute head" else 1.0),
            }
        )
    if config.optimiser == "adamw":
        return AdamW(groups)
    return SGD(groups, momentum=config.momentum, nesterov=config.nesterov)
