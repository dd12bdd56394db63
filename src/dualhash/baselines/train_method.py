"""The one door to all methods: from a catalogue to the model folder of any of them."""

from pathlib import Path

from dualhash.baselines.deep_method import DeepMethod
from dualhash.baselines.head import train_head
from dualhash.baselines.method import HeadMethod, ShallowMethod
from dualhash.baselines.registry import method_named
from dualhash.baselines.shallow import train_shallow
from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.export.exported_model import ONE_NETWORK
from dualhash.training.progress import Display
from dualhash.training.train import train

PAPERS_OWN = "dph"


def train_method(
    name: str,
    catalogue: Catalogue,
    config: TrainConfig,
    out: str | Path,
    *,
    base: str | Path | None = None,
    resume: bool = False,
    replace: bool = False,
    keep_checkpoints: bool = False,
    tensorboard: bool = False,
    display: Display | None = None,
) -> Model:
    """Learns codes by any method and writes a model folder; see `train`, which this is for "dph".

    A method sees the images that have the labels it learns from. Deep methods start from the same
    weights, make batches by the same rules and follow the same schedule: a length in epochs is the
    same number of passes over the images of each, one in iterations the same number of batches.
    Shallow methods are fitted to the features of the same backbone.

    Args:
        name: "dph", or a key of `METHODS`.
        catalogue: Images and labels.
        config: The settings; those that make the method are its own.
        out: The model folder.
        base: Folder of the model whose codes a `HeadMethod` reads; others have none.
        resume: See `train`.
        replace: See `train`.
        keep_checkpoints: See `train`; there are some of deep methods alone.
        tensorboard: See `train`; of deep methods alone.
        display: See `train`.

    Raises:
        DualhashError: There is no such method, it lacks its base, or as `train` does.
    """
    method = None if name == PAPERS_OWN else method_named(name)
    if isinstance(method, ShallowMethod):
        return train_shallow(
            catalogue, method, config, out, resume=resume, replace=replace, display=display
        )
    if isinstance(method, HeadMethod):
        if base is None:
            raise DualhashError(
                f"{method.title} reads the codes of another model: train {method.base} first and "
                "give its folder with --base."
            )
        return train_head(
            catalogue, method, base, out, resume=resume, replace=replace, display=display
        )
    plan = ONE_NETWORK
    if isinstance(method, DeepMethod):
        config, plan = method.configured(config), method.plan
    return train(
        catalogue,
        config,
        out,
        resume=resume,
        replace=replace,
        keep_checkpoints=keep_checkpoints,
        tensorboard=tensorboard,
        display=display,
        plan=plan,
    )
