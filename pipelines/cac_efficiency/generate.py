#!/usr/bin/env python3
"""Makes the data of this pipeline: ninety days, six channels, three files. Seeded: always the same.

    python3 generate.py [FOLDER]      writes ads.csv, analytics.csv, crm.csv into data/ or FOLDER
"""

import csv
import datetime
import pathlib
import random
import sys

LAST_DAY = datetime.date(2026, 11, 19)
DAYS = 90

# channel: (campaign, cost of a click, share of clicks that become customers, daily budget, quality)
CHANNELS = {
    "bing": ("b-7", 1.10, 0.0270, 300, 0.71),
    "google": ("g-1", 1.62, 0.0405, 900, 0.82),
    "linkedin": ("l-2", 5.20, 0.0610, 450, 0.88),
    "meta": ("m-3", 1.05, 0.0330, 1900, 0.64),
    "reddit": ("r-9", 0.80, 0.0120, 60, 0.52),
    "tiktok": ("t-4", 0.72, 0.0110, 500, 0.47),
}


def rows(random_numbers):
    """One (ads, analytics, crm) triple for each day and channel; crm is None where nobody signed up."""
    for back in reversed(range(DAYS)):
        day = LAST_DAY - datetime.timedelta(days=back)
        weekend = 0.8 if day.weekday() >= 5 else 1.0
        for channel, (campaign, cost, rate, budget, quality) in CHANNELS.items():
            # Reddit was paused two weeks ago: spend and clicks are zero since.
            paused = channel == "reddit" and back < 14
            spend = 0.0 if paused else budget * weekend * random_numbers.uniform(0.85, 1.0)
            clicks = int(spend / (cost * random_numbers.uniform(0.9, 1.1)))
            customers = sum(random_numbers.random() < rate for _ in range(clicks))
            score = min(1.0, max(0.0, random_numbers.gauss(quality, 0.03)))
            ads = [day, channel, campaign, f"{spend:.2f}", clicks, f"{budget}.00"]
            analytics = [day, channel, int(clicks * random_numbers.uniform(0.9, 0.98)), f"{score:.3f}"]
            yield ads, analytics, [day, channel, customers] if customers else None


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"
    made = list(rows(random.Random(20261119)))
    tables = {
        "ads.csv": (["day", "channel", "campaign_id", "spend", "clicks", "daily_budget"], [ads for ads, _, _ in made]),
        "analytics.csv": (["day", "channel", "sessions", "score"], [analytics for _, analytics, _ in made]),
        "crm.csv": (["day", "channel", "customers"], [crm for _, _, crm in made if crm]),
    }
    for name, (header, lines) in tables.items():
        with open(folder / name, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(lines)


if __name__ == "__main__":
    main()
