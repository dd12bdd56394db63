"""An index behind HTTP: the API, its page, and what keeps them safe."""
