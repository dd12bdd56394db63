"""Training: from a catalogue to a model folder.

In: a `Catalogue`, a `TrainConfig` and a `Method`.
Out: a model folder, or weights of a backbone.
May import: the packages up to `losses`.
"""
