"""How good the searches of a model are: metrics as pure functions on arrays, and the protocols."""
