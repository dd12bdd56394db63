"""Export of trained networks.

Comes in: a trained network. Goes out: an ONNX encoder and heads in a model folder, or weights of a
backbone. May import `training.data`, `training.loop`, `network` and what it may import.
"""
