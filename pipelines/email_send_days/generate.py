#!/usr/bin/env python3
"""Makes the data of this pipeline: ten weeks of sends to three lists. Seeded: always the same.

    python3 generate.py [FOLDER]      writes sends.csv and plan.csv into data/ or FOLDER
"""

import csv
import datetime
import pathlib
import random
import sys

LAST_DAY = datetime.date(2026, 11, 19)
DAYS = 70

# list: (sends a day, open rate on a Tuesday, open rate on a Thursday, this week's plan)
LISTS = {
    "customers": (4000, 0.312, 0.241, (12001, 12003)),
    "prospects": (9000, 0.185, 0.182, (27000, 27000)),
    "sleepers": (1500, 0.061, 0.049, (4500, 700)),
}


def sends(random_numbers):
    """A row for each list and each Tuesday and Thursday."""
    for back in reversed(range(DAYS)):
        day = LAST_DAY - datetime.timedelta(days=back)
        if day.weekday() not in (1, 3):
            continue
        for name, (sent, tuesday, thursday, _) in LISTS.items():
            rate = tuesday if day.weekday() == 1 else thursday
            count = int(sent * random_numbers.uniform(0.97, 1.03))
            opens = sum(random_numbers.random() < rate for _ in range(count))
            yield [day, name, count, opens]


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"
    plans = [[name, *plan] for name, (*_, plan) in LISTS.items()]
    tables = {
        "sends.csv": (["sent_on", "list", "sent", "opens"], sends(random.Random(20261119))),
        "plan.csv": (["list", "tuesday_volume", "thursday_volume"], plans),
    }
    for name, (header, lines) in tables.items():
        with open(folder / name, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(lines)


if __name__ == "__main__":
    main()
