"""Every backbone by its name."""

from dualhash.errors import DualhashError, nearest
from dualhash.network.backbone import Backbone, BuiltBackbone
from dualhash.network.backbones.alexnet import ALEXNET
from dualhash.network.backbones.efficientnet_lite import EFFICIENTNET_LITE0
from dualhash.network.backbones.face10 import FACE10
from dualhash.network.backbones.resnet18 import RESNET18
from dualhash.network.backbones.resnet18_half import RESNET18_HALF
from dualhash.network.backbones.timm_network import PREFIX, timm_backbone
from dualhash.network.backbones.vgg16 import VGG16

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (ALEXNET, RESNET18, FACE10, VGG16, EFFICIENTNET_LITE0, RESNET18_HALF)
}
"""The backbones with a name of their own; `timm:NAME` stands for any network that timm has."""


def describe_backbone(name: str) -> Backbone:
    """The description of a registered backbone or of `timm:NAME`.

    Raises:
        DualhashError: There is no such backbone; the message names the nearest.
    """
    if name.startswith(PREFIX):
        return timm_backbone(name)
    if name not in BACKBONES:
        raise DualhashError(
            f"There is no backbone {name!r}. {nearest(name, BACKBONES)} "
            f"Any network of timm can be had as '{PREFIX}NAME'."
        )
    return BACKBONES[name]


def build_backbone(
    name: str, *, pretrained: bool, input_size: tuple[int, int] | None = None
) -> BuiltBackbone:
    """Builds a backbone.

    Without weights, or for layers that they do not fill, parameters are drawn from torch's global
    generator: call `torch.manual_seed` first to have the same network again.

    Args:
        name: A key of `BACKBONES`, or `timm:NAME`.
        pretrained: Whether to load its pretrained weights, from the network if they are not cached.
        input_size: Height and width of the images; the backbone's own if None.

    Returns:
        The backbone in training mode, in float32.

    Raises:
        DualhashError: The name is unknown, there are no pretrained weights or they cannot be had,
            or the backbone cannot take images of that size or has none of its own.
    """
    spec = describe_backbone(name)
    size = input_size or spec.input_size
    if size is None:
        raise DualhashError(
            f"The backbone {name!r} has no input size of its own; give the height and width "
            "of its images."
        )
    if pretrained and spec.weights is None:
        raise DualhashError(
            f"There are no pretrained weights for {name!r}, it is trained from scratch; "
            "use --no-pretrained."
        )
    return BuiltBackbone(spec.build(pretrained), spec, size, pretrained=pretrained)
