"""What is measured: each bench is one command, `python -m bench.NAME [--json] [--save]`."""
