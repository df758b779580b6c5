"""`python -m patterns` is `konnect-agent`."""

from patterns.cli import main

main()
