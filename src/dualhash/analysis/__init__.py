"""What a model has learned, made visible."""
