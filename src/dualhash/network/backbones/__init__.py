"""One backbone a file: its layers, its weights and its description."""
