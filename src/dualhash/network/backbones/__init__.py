"""The backbones: layers, weights and description of each."""
