"""Writes reference.csv: how sure estimates are, by the distributions of scipy and nothing of cpl.

    python3 -m pip install scipy==1.17.1 && python3 reference.py > reference.csv

A row: what was seen, how far its days scatter (the factor and its freedom, empty for none), the side, the bound, how sure it is
that the true value lies there, and what is left to 1.
"""

import csv
import itertools
import sys

from scipy import stats


def widened(sure, doubt, scatter, freedom):
    """Student's t in the place of the normal, where days scatter more than dice."""
    if not freedom or scatter <= 1 or 0.0 in (sure, doubt):
        return sure, doubt
    z = -stats.norm.ppf(sure) if sure < doubt else stats.norm.ppf(doubt)
    return stats.t.sf(z, freedom), stats.t.cdf(z, freedom)


def rate_above(count, expected, scatter):
    if count == 0:
        return 0.0, 1.0
    of = stats.gamma(count / scatter)
    return of.sf(expected / scatter), of.cdf(expected / scatter)


def rate_below(count, expected, scatter):
    of = stats.gamma(count / scatter + 1)
    return of.cdf(expected / scatter), of.sf(expected / scatter)


def share_below(count, rest, bound, scatter):
    if rest == 0:
        return 0.0, 1.0
    of = stats.beta(count / scatter + 1, rest / scatter)
    return of.cdf(bound), of.sf(bound)


def judged(form, seen, scatter, side, bound):
    if form == "per_count":
        amount, count = seen
        judge = rate_above if side == "below" else rate_below
        return judge(count, amount / bound, scatter)
    if form == "count":
        judge = rate_below if side == "below" else rate_above
        return judge(seen[0], bound, scatter)
    if form == "share":
        count, of = seen
        if side == "below":
            return share_below(count, of - count, bound, scatter)
        return share_below(of - count, count, 1 - bound, scatter)
    mean, deviation, count = seen
    t = (bound - mean) / deviation * count**0.5
    of = stats.t(count - 1)
    return (of.cdf(t), of.sf(t)) if side == "below" else (of.sf(t), of.cdf(t))


SCATTER = [(1.0, ""), (1.4, 6), (3.0, 27), (2.0, 1)]


def cases():
    for count in [0, 1, 2, 5, 23, 61, 400, 10_000, 1_000_000, 1_000_000_000]:
        for off in [0.5, 0.9, 0.98, 1.0, 1.02, 1.3, 3.0]:
            yield "per_count", (47.0 * max(count, 1) * off, count), 47.0
            yield "count", (count,), max(count, 1) * off
    for count, of in [(0, 1), (1, 1), (0, 40), (1, 40), (40, 40), (12, 300), (290, 300), (4_100, 100_000), (10**9, 3 * 10**9)]:
        for bound in [0.001, 0.02, 0.04, 0.041, 0.3333, 0.5, 0.97, 0.999]:
            yield "share", (count, of), bound
    for mean, deviation, count in [(3.0, 1.0, 2), (3.0, 1.5, 5), (41.0, 20.0, 40), (-2.0, 3.0, 1_000), (0.031, 0.2, 1_000_000)]:
        for bound in [-2.1, 0.0, 0.0313, 3.0, 3.2, 44.0]:
            yield "mean", (mean, deviation, count), bound


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["form", "seen", "scatter", "freedom", "side", "bound", "sure", "doubt"])
    for (form, seen, bound), (scatter, freedom), side in itertools.product(cases(), SCATTER, ["below", "above"]):
        if form == "mean" and freedom:
            continue
        sure, doubt = widened(*judged(form, seen, scatter, side, bound), scatter, freedom)
        out.writerow([form, " ".join(map(repr, seen)), scatter, freedom, side, repr(bound), f"{sure:.17g}", f"{doubt:.17g}"])


if __name__ == "__main__":
    main()
