"""Makes a shop's database in memory, as large as one line of a file says and otherwise drawn from a seed."""

import random
import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, placed INTEGER NOT NULL);
CREATE TABLE items (order_id INTEGER NOT NULL, price INTEGER NOT NULL, amount INTEGER NOT NULL);
CREATE INDEX items_of ON items (order_id);
"""


def shop(sizes: Path, seed: int) -> sqlite3.Connection:
    """The file says how many customers there are, and how many orders they made, in turn."""
    customers, *orders = (int(word) for word in sizes.read_text(encoding="utf-8").split())
    dice, base = random.Random(f"{sizes.stem} {seed}"), sqlite3.connect(":memory:")
    base.executescript(SCHEMA)
    order = 0
    for customer in range(customers):
        base.execute("INSERT INTO customers VALUES (?, ?)", (customer, f"customer {customer:03}"))
        for _ in range(orders[customer % len(orders)]):
            order += 1
            base.execute("INSERT INTO orders VALUES (?, ?, ?)", (order, customer, dice.randrange(30)))
            for _ in range(dice.randint(1, 4)):
                item = (order, dice.randint(1, 99), dice.randint(1, 5))
                base.execute("INSERT INTO items VALUES (?, ?, ?)", item)
    return base
