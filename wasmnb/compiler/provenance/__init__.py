"""Origin of a module: the same inputs give the same bytes, and the file records the inputs."""
