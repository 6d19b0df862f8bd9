"""`python -m panel_build`: join the panel's modules, as `make panel` does."""

from .write import write

print(f"Wrote {write()}")
