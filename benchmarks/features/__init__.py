"""Extraction of features, and models that are learned from them: speed, memory and quality."""
