"""The backbones, one family per module; the registry is `network.backbone_registry`.

In: a name, and whether weights are loaded.
Out: a `Backbone` that builds a `torch.nn.Module`.
May import: `features`, and the modules of `network` that describe, load and stage backbones.
"""
