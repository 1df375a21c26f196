"""`python -m jumar` is `jumar`."""

from jumar.cli.main import main

main()
