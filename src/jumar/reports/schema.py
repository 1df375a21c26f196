"""Prints the JSON schema of a report: `python -m jumar.reports.schema > docs/report.schema.json`."""

from __future__ import annotations

import sys

import msgspec

from jumar.reports.contents import Report


def main() -> int:
    """Write the schema to standard output."""
    schema = msgspec.json.encode(msgspec.json.schema(Report))
    sys.stdout.write(msgspec.json.format(schema, indent=1).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
