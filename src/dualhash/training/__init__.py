"""From a catalogue to a model: settings, batches, the trainer, the choice of alpha, export."""
