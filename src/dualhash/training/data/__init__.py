"""Images and labels for training.

In: a `Catalogue` and a `TrainConfig`.
Out: `TrainingData`, whose images or features are memory-mapped, and batches of tensors.
May import: the packages up to `losses`, and the modules of `training` that set it up.
"""
