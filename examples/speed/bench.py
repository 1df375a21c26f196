"""Renders a table of a hundred rows, and prints the milliseconds of CPU that takes: the best of five."""

import os
import random
import time

from template import render

PAGE = (
    "<table>{% for row in rows %}<tr><td>{{ row.name }}</td><td>{{ row.note }}</td></tr>\n{% end %}</table>"
)
LETTERS = "abcdefgh <>&"

dice = random.Random(int(os.environ.get("JUMAR_SEED", 0)))
rows = [{"name": n, "note": "".join(dice.choice(LETTERS) for _ in range(40))} for n in range(100)]
times = []
for _ in range(5):
    begun = time.process_time()
    for _ in range(4):
        render(PAGE, {"rows": rows})
    times.append(time.process_time() - begun)
print(f"milliseconds: {1000 * min(times) / 4:.4f}")
