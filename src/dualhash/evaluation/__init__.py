"""How good the searches of a model are: metrics, protocols, intervals and paired comparison.

In: codes or a model, and a catalogue with true labels.
Out: figures with intervals and counts.
May import: `catalogue`, `codes` and `search`; no torch.
"""
