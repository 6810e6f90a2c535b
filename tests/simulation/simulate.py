#!/usr/bin/env python3
"""How often rules act on chance: channels of a known true cost, raised by the real program, day by day.

    python3 tests/simulation/simulate.py [--channels 4000] [--customers 40 150 400] [--cpl target/release/cpl]

Each channel spends the same each day and wins as many customers as dice give it for its true cost. Each rule looks at it on 28 days,
by `cpl run`, through files and the ledger. An implementation of its own says what each rule should have done: where the program
differs on one channel on one day, the exit code is 1. The table says which share of the channels was raised at all, and how often.
The random numbers are seeded: the same arguments print the same table.
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

BOUND = 47.0
COSTS = [38, 47, 52, 56]
LOOKS = 28
HISTORY = 28
FIRST = datetime.date(2026, 9, 1)

HEAD = """pipeline p { retire 2027-01-31 }
fetch ads from csv("ads.csv") {
  columns { day: date, channel: text, spend: money, customers: count }
  key     day, channel
  fresh   within 2 days
}
fetch budgets from csv("budgets.csv") { columns { channel: text, budget: money }  key channel }
transform channels from ads {
  where    day in last DAYS days
  group by channel { cac = sum(spend) / sum(customers), customers = sum(customers) }
  join     budgets on channel
}
target raised = file("raised-{window}.jsonl")
decide raise for each channel in channels {
  when     cac CONDITION
  then     change budget by +20% via raised
  cooldown COOLDOWN days
}
"""

RULES = {
    "cac < $47, at least 30 customers, cooldown 3 days": (7, "< $47 and customers >= 30", 3),
    "cac is surely below $47, cooldown 7 days": (7, "is surely below $47", 7),
    "the same of the last 28 days": (28, "is surely below $47", 7),
}


def gamma_upper(a, x):
    """Q(a, x): the chance that a Gamma(a) number is above x, by a series or a continued fraction (Lentz)."""
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > total * 1e-17:
            n += 1
            term *= x / n
            total += term
        return 1 - front * total
    b = x + 1 - a
    c = 1e300
    d = 1 / b
    h = d
    for i in range(1, 100_000):
        an = -i * (i - a)
        b += 2
        d = 1 / (an * d + b)
        c = b + an / c
        h *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return front * h


def student_below(t, freedom):
    """The chance that Student's t is below t, by Simpson's rule on its density."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    steps = 2_000
    h = t / steps
    odd = sum(density(h * i) for i in range(1, steps, 2))
    even = sum(density(h * i) for i in range(2, steps, 2))
    return 0.5 + (density(0) + 4 * odd + 2 * even + density(t)) * h / 3


def is_surely_below(days, spend):
    """What `sureness.md` says, of the customers of each day, each of which cost as much."""
    count, amount = sum(days), spend * len(days)
    if count == 0:
        return False
    chi_square = sum(day * day for day in days) * len(days) / count - count
    scatter = max(1.0, chi_square / (len(days) - 1))
    chance = gamma_upper(count / scatter, amount / BOUND / scatter)
    if scatter > 1:
        if chance >= 1 - 1e-15:
            return True
        chance = student_below(statistics.NormalDist().inv_cdf(chance), len(days) - 1)
    return chance >= 0.9


def expected(days, spend, rule):
    """On which looks a rule raises a channel."""
    window, condition, cooldown = rule
    looks, last = [], None
    for look in range(LOOKS):
        seen = days[HISTORY + look - window : HISTORY + look]
        if condition.startswith("is surely"):
            fires = is_surely_below(seen, spend)
        else:
            fires = sum(seen) >= 30 and spend * window / sum(seen) < BOUND
        if fires and (last is None or look - last >= cooldown):
            looks.append(look)
            last = look
    return looks


def poisson(dice, mean):
    """How many events in a time: exponential waits, added up."""
    count, wait = 0, dice.expovariate(1.0)
    while wait < mean:
        count += 1
        wait += dice.expovariate(1.0)
    return count


def channels(customers, number):
    """Channels by name: the spend of a day, and the customers of each."""
    found = {}
    for cost in COSTS:
        # In cents, as a file has them.
        spend = round(customers * cost / 7, 2)
        dice = random.Random(f"{customers} {cost}")
        for at in range(number):
            found[f"{cost}-{at}"] = (spend, [poisson(dice, spend / cost) for _ in range(HISTORY + LOOKS)])
    return found


def played(cpl, folder, all_channels, rule):
    """On which looks the program raises each channel."""
    window, condition, cooldown = rule
    text = HEAD.replace("DAYS", str(window)).replace("CONDITION", condition).replace("COOLDOWN", str(cooldown))
    (folder / "main.cpl").write_text(text)
    with open(folder / "budgets.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["channel", "budget"])
        out.writerows([name, "100.00"] for name in all_channels)
    with open(folder / "ads.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["day", "channel", "spend", "customers"])
        for name, (spend, days) in all_channels.items():
            out.writerows([FIRST + datetime.timedelta(at), name, spend, day] for at, day in enumerate(days))
    raised = {name: [] for name in all_channels}
    budgets = {name: "100.00" for name in all_channels}
    for look in range(LOOKS):
        day = FIRST + datetime.timedelta(HISTORY + look)
        subprocess.run([cpl, "run", "main.cpl", "--as-of", str(day), "--act"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        for line in (folder / f"raised-{day}.jsonl").read_text().splitlines():
            effect = json.loads(line)
            raised[effect["key"]["channel"]].append(look)
            budgets[effect["key"]["channel"]] = effect["to"]
        # The platform has what was decided.
        with open(folder / "budgets.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["channel", "budget"])
            out.writerows(budgets.items())
    return raised


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=4_000, help="of each true cost")
    parser.add_argument("--customers", type=int, nargs="+", default=[40, 150, 400], help="in a week")
    parser.add_argument("--cpl", default="target/release/cpl")
    args = parser.parse_args()
    cpl, differ = str(pathlib.Path(args.cpl).resolve()), 0
    print("| customers a week | rule | " + " | ".join(f"${cost}" for cost in COSTS) + " |")
    print("|---|---|" + "---|" * len(COSTS))
    for customers in args.customers:
        all_channels = channels(customers, args.channels)
        for name, rule in RULES.items():
            with tempfile.TemporaryDirectory() as folder:
                raised = played(cpl, pathlib.Path(folder), all_channels, rule)
            cells = []
            for cost in COSTS:
                of_cost = [looks for channel, looks in raised.items() if channel.startswith(f"{cost}-")]
                ever = sum(1 for looks in of_cost if looks) / len(of_cost)
                cells.append(f"{ever:.0%}, {statistics.mean(map(len, of_cost)):.1f} times")
            print(f"| {customers} | {name} | " + " | ".join(cells) + " |", flush=True)
            for channel, looks in raised.items():
                spend, days = all_channels[channel]
                wanted = expected(days, spend, rule)
                if looks != wanted:
                    differ += 1
                    print(f"{channel}, {name}: on looks {looks}, and not {wanted}", file=sys.stderr)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
