"""Export of trained networks.

In: a trained network.
Out: an ONNX encoder and heads in a model folder, or weights of a backbone.
May import: `training.data`, `training.loop`, and what these may import.
"""
