"""``python -m cadenza.cli``: the command line without its script."""

from cadenza.cli import main

main()
