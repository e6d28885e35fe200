"""`python -m driftline.cli` is `driftline`."""

from driftline.cli.app import main

main()
