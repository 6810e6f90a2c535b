#!/usr/bin/env python3
"""Computes the figures of `tests/suite/real.md` with DuckDB, once; they are committed, the data is not.

    pip install duckdb
    python3 tests/real/figures.py DATA_FOLDER
"""

import pathlib
import sys

import duckdb

HERE = pathlib.Path(__file__).parent / "figures"
DATA = pathlib.Path(sys.argv[1])

RETAIL = f"""
  create table lines as
  select InvoiceNo as invoice, cast(InvoiceDate as date) as day, Country as country, CustomerID as customer,
         cast(Quantity as integer) * cast(UnitPrice as decimal(18, 6)) as amount, InvoiceNo like 'C%' as refund
  from read_csv('{DATA}/online_retail/*.csv', header = true, all_varchar = true, nullstr = '')
"""


def platforms():
    """Sums in whole millionths; the price of a click by half-even rounding, as Python's decimal does it."""
    from decimal import ROUND_HALF_EVEN, Decimal

    sources = [
        ("google.csv", "google_ads_campaign_stats_data.csv", "id", "cost_micros", Decimal(1_000_000)),
        ("microsoft.csv", "microsoft_ads_campaign_performance_daily_report_data.csv", "campaign_id", "spend", Decimal(1)),
    ]
    for name, file, campaign, cost, scale in sources:
        rows = duckdb.sql(
            f"""select {campaign} as campaign, sum(cast({cost} as decimal(28, 6))) as cost,
                       sum(cast(clicks as bigint)) as clicks, sum(cast(impressions as bigint)) as impressions
                from read_csv('{DATA}/ad_platforms/{file}', header = true, all_varchar = true)
                group by 1 order by 1"""
        ).fetchall()
        lines = ["campaign,spend,clicks,impressions,cpc,ctr"]
        for campaign_id, total, clicks, impressions in rows:
            spend = Decimal(total) / scale
            cpc = (spend / int(clicks)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN) if clicks else None
            ctr = int(clicks) / int(impressions) if impressions else None
            lines.append(f"{campaign_id},{told(spend)},{clicks},{impressions},{told(cpc)},{number(ctr)}")
        (HERE / name).write_text("\n".join(lines) + "\n")


def told(amount):
    if amount is None:
        return ""
    text = f"{amount:.6f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<2}"


def number(value):
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else repr(value)


def retail():
    duckdb.sql(RETAIL)
    sums = """count(*) as lines, coalesce(sum(amount) filter (not refund), 0) as gross,
              coalesce(sum(amount) filter (refund), 0) as refunds, count(distinct customer) as customers"""
    rows = duckdb.sql(
        f"select day, country, {sums}, count(distinct invoice) from lines group by 1, 2 order by 1, 2"
    ).fetchall()
    lines = ["day,country,lines,gross,refunds,customers,invoices"]
    lines += [f"{d},{c},{n},{told(g)},{told(r)},{k},{i}" for d, c, n, g, r, k, i in rows]
    (HERE / "retail_daily.csv").write_text("\n".join(lines) + "\n")
    ((n, g, r, k),) = duckdb.sql(f"select {sums} from lines").fetchall()
    (HERE / "retail_all.csv").write_text(f"lines,gross,refunds,customers\n{n},{told(g)},{told(r)},{k}\n")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    retail()
    platforms()
