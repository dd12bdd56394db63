"""The 10-layer face network, the backbone of the paper for CFW-60K."""

from collections import OrderedDict

from torch import nn

from dualhash.network.backbone import Backbone

STAGES = ((32, 64), (64, 128), (96, 192), (128, 256), (160, 320))
"""Channels of the two 3x3 convolutions of each stage (Yi et al. 2014, table 2)."""


def build(pretrained: bool) -> nn.Module:
    """Builds conv11 to pool5; features have 320 values."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for stage, widths in enumerate(STAGES, start=1):
        for place, width in enumerate(widths, start=1):
            layers[f"conv{stage}{place}"] = nn.Conv2d(channels, width, kernel_size=3, padding=1)
            layers[f"relu{stage}{place}"] = nn.ReLU(inplace=True)
            channels = width
        layers[f"pool{stage}"] = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
    del layers["relu52"]
    layers["pool5"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    network = nn.Sequential(layers)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            nn.init.zeros_(parameter)
    return network


FACE10 = Backbone(
    name="face10",
    summary=(
        'The 10-layer network of Yi et al. 2014, "Learning Face Representation from Scratch", '
        "conv11 to pool5, for aligned faces of 100x100 pixels. No ReLU after conv52, as there. "
        "Deviations: it takes RGB images, because attributes such as hair colour need them, where "
        "the original takes grey ones; average pooling covers the whole map (7x7 at 100x100); "
        "weights are not published, so it starts with the initialisation of He et al. 2015."
    ),
    input_size=(100, 100),
    resize=(110, 110),
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    build=build,
)
