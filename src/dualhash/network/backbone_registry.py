"""The backbones by name."""

from dualhash.errors import DualhashError
from dualhash.features.timm_networks import PREFIX
from dualhash.network.backbone import Backbone, BuiltBackbone
from dualhash.network.backbones.efficientnet_lite import EFFICIENTNET_LITE0
from dualhash.network.backbones.face10 import FACE10
from dualhash.network.backbones.resnet18_half import RESNET18_HALF
from dualhash.network.backbones.timm_network import timm_backbone
from dualhash.network.backbones.torchvision_networks import ALEXNET, RESNET18, VGG16
from dualhash.registry import Registry

BACKBONES: Registry[Backbone] = Registry(
    "backbone",
    {
        backbone.name: backbone
        for backbone in (ALEXNET, RESNET18, FACE10, VGG16, EFFICIENTNET_LITE0, RESNET18_HALF)
    },
    made=Backbone,
    others=f"Use '{PREFIX}NAME' for a network of timm.",
)
"""The built-in backbones. `timm:NAME` names any network of timm."""


def describe_backbone(name: str) -> Backbone:
    """Returns the description of a backbone.

    Args:
        name: A key of `BACKBONES`, `timm:NAME`, or the import path of a custom `Backbone`.

    Raises:
        DualhashError: The backbone does not exist; the message lists similar names.
    """
    return timm_backbone(name) if name.startswith(PREFIX) else BACKBONES.find(name)


def build_backbone(
    name: str, *, pretrained: bool, input_size: tuple[int, int] | None = None
) -> BuiltBackbone:
    """Builds a backbone.

    Parameters without pretrained weights are drawn from torch's global generator: call
    `torch.manual_seed` first to get a reproducible network.

    Args:
        name: As `describe_backbone` takes it.
        pretrained: Load the pretrained weights; they are downloaded unless cached.
        input_size: Height and width of the images; None for the backbone's own.

    Returns:
        The backbone in training mode, in float32.

    Raises:
        DualhashError: The name is unknown, there are no pretrained weights or the download fails,
            or the backbone does not accept images of that size or has no size of its own.
    """
    spec = describe_backbone(name)
    size = input_size or spec.input_size
    if size is None:
        raise DualhashError(
            f"The backbone {name!r} has no input size of its own; give the height and width of "
            "the images."
        )
    if pretrained and spec.weights is None:
        raise DualhashError(
            f"There are no pretrained weights for {name!r}; train it from scratch with "
            "--no-pretrained."
        )
    return BuiltBackbone(spec.build(pretrained), spec, size, pretrained=pretrained)
