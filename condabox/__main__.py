"""Let ``python -m condabox`` be the command."""

from condabox.cli.app import main

main()
