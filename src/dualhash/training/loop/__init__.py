"""The training loop.

In: `TrainingData` and a folder for checkpoints.
Out: a trained network with its report.
May import: `training.data`, and what that may import.
"""
