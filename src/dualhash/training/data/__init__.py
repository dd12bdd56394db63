"""Images and labels for training.

Comes in: a `Catalogue` and a `TrainConfig`. Goes out: `TrainingData`, whose images are read from a
memory-mapped cache, and batches of tensors. May import `network`, `losses` and what they import.
"""
