"""The training loop.

Comes in: `TrainingData` and a folder for checkpoints. Goes out: a trained network with its report.
May import `training.data`, `network`, `losses` and what these may import.
"""
