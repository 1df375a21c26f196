"""Histories that other loops wrote, to be looked at: never part of a ledger."""
