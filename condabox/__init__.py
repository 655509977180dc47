"""From a conda environment to a container image."""

__version__ = "0.1.0"
