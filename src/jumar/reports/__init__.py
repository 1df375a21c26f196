"""Readers of the ledger: they draw and write, and change nothing."""
