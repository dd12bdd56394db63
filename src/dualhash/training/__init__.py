"""Training: from a catalogue to a model folder.

Comes in: a `Catalogue`, a `TrainConfig` and a `Method`. Goes out: a model folder, or weights of a
backbone. May import `network`, `losses` and what these may import.
"""
