"""A promise to users of work.py: weights are one number for each of DEGREES, and a curve is their sum.

The candidate answers in a process of its own and the answers are compared here: were it imported, it
could leave with exit code 0 before anything is compared.
"""

import json
import random
import subprocess
import sys

ASKED = "import json, sys, work; w = [1.0] + [0.0] * (len(work.DEGREES) - 1); "
ASKED += "print(json.dumps([work.answer(w, x) for x in json.loads(sys.argv[1])]))"


def main() -> None:
    """Ask for the flat curve, where nobody could know beforehand."""
    places = [random.uniform(-1, 1) for _ in range(20)]
    command = [sys.executable, "-S", "-c", ASKED, json.dumps(places)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    try:
        answers = json.loads(said.stdout.splitlines()[-1])
        assert len(answers) == len(places)
        assert all(abs(answer - 1.0) < 1e-9 for answer in answers)
    except (AssertionError, ValueError, IndexError, TypeError):
        sys.exit("the curve of weights 1, 0, … is not flat")


if __name__ == "__main__":
    main()
