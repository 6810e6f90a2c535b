#!/usr/bin/env python3
"""How often rules move volume, and alerts go off, where nothing has happened: by the real program, look by look.

    python3 tests/simulation/alarms.py [--channels 1000] [--cpl target/release/cpl]

Rates: mails of Tuesdays and of Thursdays are opened equally often, and a rule shifts volume where Tuesday's rate is higher. Patterns:
channels whose customers differ from day to day by chance alone, with a season of the week, and those whose days scatter by 20% more. An
implementation of its own says what each rule should have done: where the program differs on one row of one look, the exit code is 1.
The random numbers are seeded: the same arguments print the same tables.
"""

import argparse
import csv
import datetime
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

LOOKS = 28
FIRST = datetime.date(2026, 6, 1)

RATES = """pipeline p { retire 2027-01-31 }
fetch mails from csv("rows.csv") { columns { day: date, list: text, sends: count, opens: count }  key day, list }
transform lists from mails {
  where    day in last 28 days
  group by list {
    on_tuesday = sum(opens where weekday(day) = tuesday) / sum(sends where weekday(day) = tuesday),
    on_thursday = sum(opens where weekday(day) = thursday) / sum(sends where weekday(day) = thursday)
  }
}
alert shift for each list in lists { when on_tuesday CONDITION }
"""
RATE_RULES = {
    "exceeds on_thursday by 15%": lambda a, b: a[0] / a[1] > 1.15 * b[0] / b[1] + 1e-12,
    "is surely above on_thursday": lambda a, b: surely_above(a, b),
}

PATTERNS = """pipeline p { retire 2027-01-31 }
fetch ads from csv("rows.csv") { columns { day: date, channel: text, customers: count }  key day, channel }
transform daily from ads { group by day, channel { customers = sum(customers) } }
alert odd for each channel in daily { when customers CONDITION }
"""
SEASON = [1.1, 1.2, 1.15, 1.1, 1.0, 0.75, 0.7]
HISTORY = 84


def psi(x, order):
    """The first or second derivative of the logarithm of the gamma function."""
    total = 0.0
    while x < 30:
        total += -1 / x if order == 1 else 1 / (x * x)
        x += 1
    if order == 1:
        return total + math.log(x) - 0.5 / x - 1 / (12 * x**2) + 1 / (120 * x**4)
    return total + 1 / x + 0.5 / x**2 + 1 / (6 * x**3) - 1 / (30 * x**5)


def log_of(days):
    """The mean and the variance of the logarithm of a share, of (opens, sends) by day."""
    k, n = sum(day[0] for day in days), sum(day[1] for day in days)
    chi_square = sum((a - b * k / n) ** 2 / (b * k / n * (1 - k / n)) for a, b in days)
    scatter = max(1.0, round(chi_square / (len(days) - 1), 9))
    a, b = k / scatter + 0.5, n / scatter + 1
    return psi(a, 1) - psi(b, 1), psi(a, 2) - psi(b, 2)


def surely_above(a, b):
    (left, its), (right, other) = log_of(a[2]), log_of(b[2])
    return statistics.NormalDist().cdf((left - right) / math.sqrt(its + other)) >= 0.9


def median(values):
    return statistics.median(values)


class Series:
    """A series of positive counts, and the forecasts of `patterns.md`."""

    def __init__(self, counts):
        self.counts, self.logs = counts, [math.log(count) if count else -math.inf for count in counts]
        self.distances = {}
        for at in range(len(counts) - 3):
            around = self.logs[max(at - 3, 0) : at + 4]
            if len(around) > 3:
                self.distances[at] = self.logs[at] - median(around)
        self.forecasts = {at: self.forecast(at) for at in range(7, len(counts))}

    def season(self, of, at):
        alike = [self.distances[other] for other in range(max(at - 56, 0), at - 3) if (other - of) % 7 == 0 and other in self.distances]
        return median(alike) if len(alike) >= 2 else 0.0

    def forecast(self, at):
        return median([self.logs[before] - self.season(before, at) for before in range(max(at - 14, 0), at)]) + self.season(at, at)

    def is_odd(self, at):
        count = median(self.counts[at - 14 : at])
        if count < 25:
            return False
        errors = [abs(self.logs[before] - self.forecasts[before]) for before in range(max(at - 56, 7), at)]
        deviation = max(1.4826 * median(errors), 0.05, math.sqrt(1 / count))
        usual = math.exp(self.forecasts[at])
        far = abs(math.log(self.counts[at]) - self.forecasts[at]) if self.counts[at] else math.inf
        return far > 3.5 * deviation and abs(self.counts[at] - usual) > 0.15 * usual


def poisson(dice, mean):
    """How many events in a time: exponential waits, added up; as a normal where that would take long."""
    if mean > 500:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    count, wait = 0, dice.expovariate(1.0)
    while wait < mean:
        count += 1
        wait += dice.expovariate(1.0)
    return count


def fired(cpl, text, rows, rule, looks):
    """Which rows an alert names, on each day."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "main.cpl").write_text(text)
        with open(folder / "rows.csv", "w", newline="") as file:
            csv.writer(file).writerows(rows)
        found = []
        for day in looks:
            call = [cpl, "run", "main.cpl", "--as-of", str(day), "--format", "json"]
            report = json.loads(subprocess.run(call, cwd=folder, check=True, capture_output=True).stdout)
            alerts = [alert for alert in report["alerts"] if alert["alert"] == rule and alert["state"] == "fires"]
            found.append({next(iter(alert["key"].values())) for alert in alerts})
        return found


def compare(name, found, wanted):
    differ = 0
    for look, (rows, others) in enumerate(zip(found, wanted)):
        for row in rows ^ others:
            differ += 1
            print(f"{name}, look {look}: {row} {'fires' if row in rows else 'does not fire'}", file=sys.stderr)
    return differ


def rates(cpl, number):
    print("| mails a day | rule | shifts volume on a look | in four looks at all |\n|---|---|---|---|")
    differ = 0
    for sends in (200, 1_000, 5_000):
        dice, lists = random.Random(sends), {}
        days = [FIRST + datetime.timedelta(at) for at in range(56)]
        for at in range(number):
            lists[f"l{at}"] = [(day, sum(dice.random() < 0.2 for _ in range(sends)) if sends < 500 else min(sends, max(0, round(dice.gauss(sends * 0.2, math.sqrt(sends * 0.16)))))) for day in days if day.weekday() in (1, 3)]
        rows = [["day", "list", "sends", "opens"]] + [[day, name, sends, opens] for name, of in lists.items() for day, opens in of]
        looks = [FIRST + datetime.timedelta(28 + 7 * at) for at in range(4)]
        for condition, rule in RATE_RULES.items():
            found = fired(cpl, RATES.replace("CONDITION", condition), rows, "shift", looks)
            wanted = []
            for look in looks:
                names = set()
                for name, of in lists.items():
                    seen = [(day, opens) for day, opens in of if look - datetime.timedelta(28) <= day < look]
                    tuesday, thursday = ([(opens, sends) for day, opens in seen if day.weekday() == at] for at in (1, 3))
                    total = lambda days: (sum(a for a, _ in days), sum(b for _, b in days), days)
                    if rule(total(tuesday), total(thursday)):
                        names.add(name)
                wanted.append(names)
            differ += compare(condition, found, wanted)
            share, ever = statistics.mean(map(len, found)) / number, len(set().union(*found)) / number
            print(f"| {sends:,} | on_tuesday {condition} | {share:.1%} | {ever:.0%} |", flush=True)
    return differ


def patterns(cpl, number):
    print("| customers a day | days scatter | alerts a week of twelve channels |\n|---|---|---|")
    differ = 0
    for customers in (40, 150, 400):
        for scatter in (0.0, 0.2):
            dice, channels = random.Random(f"{customers} {scatter}"), {}
            days = [FIRST + datetime.timedelta(at) for at in range(HISTORY + LOOKS)]
            for at in range(number):
                of = [poisson(dice, customers * SEASON[day.weekday()] * math.exp(dice.gauss(0, scatter))) for day in days]
                channels[f"c{at}"] = of
            rows = [["day", "channel", "customers"]]
            rows += [[day, name, count] for name, of in channels.items() for day, count in zip(days, of)]
            looks = [days[HISTORY + at] + datetime.timedelta(1) for at in range(LOOKS)]
            found = fired(cpl, PATTERNS.replace("CONDITION", "breaks pattern"), rows, "odd", looks)
            series = {name: Series(of) for name, of in channels.items()}
            wanted = [{name for name, one in series.items() if one.is_odd(HISTORY + at)} for at in range(LOOKS)]
            differ += compare(f"{customers} customers", found, wanted)
            alerts = sum(map(len, found)) / number / LOOKS * 7 * 12
            print(f"| {customers} | {'by chance' if scatter == 0 else f'{scatter:.0%} more'} | {alerts:.2f} |", flush=True)
    return differ


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=1_000, help="in each row of the tables")
    parser.add_argument("--cpl", default="target/release/cpl")
    args = parser.parse_args()
    cpl = str(pathlib.Path(args.cpl).resolve())
    differ = rates(cpl, args.channels)
    print()
    differ += patterns(cpl, args.channels)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
