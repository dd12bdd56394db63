"""How good the searches of a model are: metrics, protocols, intervals and paired comparison.

Takes codes or a model, and a catalogue with true labels; returns figures with intervals and counts.
Imports `catalogue`, `codes` and `search`; needs no torch.
"""
