#!/usr/bin/env python3
"""Orders of four channels over 84 days, and the days of promotions: the same each time it runs. `python3 generate.py [FOLDER]`"""

import csv
import datetime
import pathlib
import random
import sys

FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"
LAST = datetime.date(2026, 11, 19)
SEASON = [1.1, 1.2, 1.15, 1.1, 1.0, 0.75, 0.7]
CHANNELS = {"search": 150, "social": 80, "mail": 60, "partners": 8}
PROMOTIONS = [datetime.date(2026, 10, 15), LAST]
DICE = random.Random(11)


def write(name, rows):
    with open(FOLDER / name, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main():
    rows = [["day", "channel", "orders", "spend"]]
    for at in range(84):
        day = LAST - datetime.timedelta(83 - at)
        for channel, usual in CHANNELS.items():
            mean = usual * SEASON[day.weekday()]
            spend = mean * 12 * DICE.uniform(0.95, 1.05)
            # A form that broke on the last day, and mails that bring three times as much on the day of a promotion.
            if channel == "search" and day == LAST:
                mean *= 0.45
            if channel == "mail" and day in PROMOTIONS:
                mean *= 3
            rows.append([day, channel, max(0, round(DICE.gauss(mean, mean**0.5))), f"{spend:.2f}"])
    write("orders.csv", rows)
    write("promotions.csv", [["day"], *[[day] for day in PROMOTIONS]])


main()
