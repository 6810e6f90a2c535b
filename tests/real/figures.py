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


def recordings():
    """Stripe's amounts by currency and kind, in whole minor units; HubSpot's deals by stage. No engine: dictionaries."""
    import json
    from collections import defaultdict
    from decimal import Decimal

    fixtures = DATA.parent / "fixtures"
    amounts = defaultdict(lambda: [0, 0])
    for thing in json.loads((fixtures / "stripe/fixtures3.json").read_text())["resources"].values():
        if isinstance(thing.get("amount"), int) and isinstance(thing.get("currency"), str):
            amounts[thing["currency"].upper(), thing["object"]][0] += 1
            amounts[thing["currency"].upper(), thing["object"]][1] += thing["amount"]
    lines = ["currency,object,things,amount"]
    for (currency, kind), (things, amount) in sorted(amounts.items()):
        lines.append(f"{currency},{kind},{things},{told(Decimal(amount) / 100)}")
    (HERE / "stripe.csv").write_text("\n".join(lines) + "\n")

    stages = defaultdict(lambda: [0, None])
    for file in sorted(fixtures.glob("hubspot_ruby_vcr/deal_find*.json")):
        deal = json.loads(file.read_text())
        if "dealId" not in deal:
            continue
        properties = {name: value["value"] for name, value in deal["properties"].items()}
        stage = stages[properties.get("dealstage", "")]
        stage[0] += 1
        if properties.get("amount"):
            stage[1] = (stage[1] or Decimal(0)) + Decimal(properties["amount"])
    lines = ["stage,deals,amount"]
    for stage in sorted(stages, key=lambda stage: (stage == "", stage)):
        deals, amount = stages[stage]
        lines.append(f"{stage},{deals},{told(amount)}")
    (HERE / "deals.csv").write_text("\n".join(lines) + "\n")


def answers():
    """What `fixture_servers.py` serves page by page, out of the recordings as a whole. No engine: dictionaries."""
    import csv
    import json
    from collections import defaultdict
    from decimal import Decimal

    fixtures = DATA.parent / "fixtures"
    load = lambda path: json.loads((fixtures / path).read_text())
    companies = load("hubspot_ruby_vcr/Hubspot_Company_recently_created_returns_a_collection.0.json")["results"]
    quoted = lambda text: f'"{text}"' if "," in text else text
    name = lambda company: company["properties"].get("name", {}).get("value", "")
    rows = [(company["companyId"], quoted(name(company))) for company in companies]
    write("companies.csv", "company,name", sorted(rows))

    balance = defaultdict(lambda: [0, Decimal(0), Decimal(0), Decimal(0)])
    for one in load("shopify_python_api/payouts_transactions.json")["transactions"]:
        kind = balance[one["type"], one["payout_status"]]
        kind[0] += 1
        for at, name in enumerate(["amount", "fee", "net"], start=1):
            kind[at] += Decimal(one[name])
    rows = [(*key, count, *map(told, sums)) for key, (count, *sums) in sorted(balance.items())]
    write("balance.csv", "type,status,transactions,amount,fee,net", rows)

    insights = defaultdict(lambda: [Decimal(0), 0, 0, 0])
    with open(fixtures / "posthog_marketing/meta_campaign_stats.csv", newline="") as file:
        for row in csv.DictReader(file):
            if "2024-01-17" <= row["date_start"] <= "2024-01-21":
                campaign = insights[row["campaign_id"]]
                campaign[0] += Decimal(row["spend"])
                campaign[1] += int(row["impressions"])
                campaign[2] += int(row["clicks"])
                campaign[3] += 1
    rows = [(campaign, told(spend), *counts) for campaign, (spend, *counts) in sorted(insights.items())]
    write("insights.csv", "campaign,spend,impressions,clicks,days", rows)

    reports = [json.loads(line)["data"] for line in (fixtures / "mailchimp_airbyte/reports.jsonl").read_text().splitlines()]
    row = lambda one: (one["id"], one["emails_sent"], one["opens"]["unique_opens"], one["clicks"]["unique_subscriber_clicks"])
    write("reports.csv", "campaign,sent,unique_opens,clickers", sorted(map(row, reports)))


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
    days = f"(select day, {sums}, count(distinct invoice) as invoices, sum(amount) as net from lines group by 1)"
    rows = duckdb.sql(
        f"""select a.day, a.lines, a.invoices, a.customers, a.gross, a.refunds, a.net,
                   (select b.net from {days} b where b.day = a.day - 7) as before from {days} a order by 1"""
    ).fetchall()
    lines = ["day,lines,invoices,customers,gross,refunds,net,before,up"]
    for d, n, i, k, g, r, net, before in rows:
        lines.append(f"{d},{n},{i},{k},{told(g)},{told(r)},{told(net)},{told(before)},{number(float(net / before - 1)) if before else ''}")
    (HERE / "retail_days.csv").write_text("\n".join(lines) + "\n")
    ((n, g, r, k),) = duckdb.sql(f"select {sums} from lines").fetchall()
    (HERE / "retail_all.csv").write_text(f"lines,gross,refunds,customers\n{n},{told(g)},{told(r)},{k}\n")


def write(name, header, rows):
    (HERE / name).write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def series():
    """Windows by date: a missing day is missing, and never passed over."""
    prices = f"""(select cast(timestamp as date) as day, avg(value) as cpc, count(*) as n
                  from read_csv('{DATA}/nab/exchange-2_cpc_results.csv') group by 1)"""
    rows = duckdb.sql(
        f"""select a.day, a.cpc, a.n,
                   (select avg(b.cpc) from {prices} b where b.day > a.day - 7 and b.day <= a.day),
                   (select avg(b.cpc) from {prices} b where b.day >= a.day - 7 and b.day < a.day),
                   (select a.cpc / b.cpc - 1 from {prices} b where b.day = a.day - 7)
            from {prices} a order by 1"""
    ).fetchall()
    write("price_days.csv", "date_of,cpc,n,week,before,up", [[number(v) if isinstance(v, float) or v is None else v for v in row] for row in rows])

    columns = {"facebook": "facebook_S", "ooh": "ooh_S", "print": "print_S", "search": "search_S", "tv": "tv_S"}
    media = f"read_csv('{DATA}/robyn/dt_simulated_weekly.csv', all_varchar = true)"
    exact = lambda column: f"round_even(cast({column} as decimal(38, 12)), 6)"
    rows, sums = [], []
    for channel, column in columns.items():
        ((spend, revenue, weeks, most),) = duckdb.sql(
            f"""select sum({exact(column)}), sum({exact('revenue')}), count(*) filter (cast({column} as double) > 0),
                       max({exact(column)}) from {media}"""
        ).fetchall()
        rows.append([channel, told(spend), told(revenue), weeks, told(most), number(float(revenue / spend)), told(cents(spend))])
        sums.append((float(revenue / spend), channel, cents(spend)))
    write("channels.csv", "channel,spend,revenue,weeks,most,roas,budget", rows)
    shifted(min(sums), max(sums))

    months = f"(select date_trunc('month', ds)::date as m, sum(y)::double as y from read_csv('{DATA}/retail_sales/example_retail_sales.csv') group by 1)"
    rows = duckdb.sql(
        f"""select a.m, a.y, (select a.y / b.y - 1 from {months} b where b.m = a.m - interval 1 month),
                   (select sum(b.y) from {months} b where b.m > a.m - interval 12 month and b.m <= a.m)
            from {months} a order by 1"""
    ).fetchall()
    write("sales_months.csv", "month_start,y,up,year", [[m, number(y), number(up), number(year)] for m, y, up, year in rows])
    rows = duckdb.sql(f"select quantile_cont(y, 0.9), median(y), stddev_samp(y) from read_csv('{DATA}/retail_sales/example_retail_sales.csv')").fetchall()
    write("sales_all.csv", "p90,mid,sd", [[number(float(v)) for v in row] for row in rows])

    tables = [
        ("facebook", "facebook_ads_basic_ad_data.csv", "date", "ad_id", "spend", 1, "inline_link_clicks"),
        ("google", "google_ads_campaign_stats_data.csv", "date", "id", "cost_micros", 1_000_000, "clicks"),
        ("linkedin_days", "linkedin_ad_analytics_by_campaign_data.csv", "day", "campaign_id", "cost_in_usd", 1, "clicks"),
        ("microsoft", "microsoft_ads_campaign_performance_daily_report_data.csv", "date", "campaign_id", "spend", 1, "clicks"),
    ]
    lines, campaigns = [], {}
    for platform, file, day, campaign, cost, scale, clicks in tables:
        found = duckdb.sql(
            f"""select cast({day} as date), {campaign}, sum(cast({cost} as decimal(28, 6))), sum(cast({clicks} as bigint)),
                       sum(cast(impressions as bigint))
                from read_csv('{DATA}/ad_platforms/{file}', header = true, all_varchar = true, nullstr = '') group by 1, 2 order by 1, 2"""
        ).fetchall()
        for d, c, total, n, views in found:
            spend = None if total is None else total / scale
            ctr = number(n / views) if n is not None and views else ""
            lines.append([platform, d, c, told(spend), "" if n is None else n, "" if views is None else views, told(price(spend, n)), ctr])
            sums = campaigns.setdefault((platform, c), [0, 0])
            sums[0] += spend or 0
            sums[1] += n or 0
    write("platforms.csv", "platform,day,campaign,cost,clicks,views,cpc,ctr", lines)
    cuts = [
        f"{platform},{campaign},{told(price(cost, clicks))}"
        for (platform, campaign), (cost, clicks) in sorted(campaigns.items())
        if clicks >= 10 and price(cost, clicks) > 1
    ]
    (HERE / "cuts.csv").write_text("\n".join(["platform,campaign,cpc", *cuts]) + "\n")


def price(cost, clicks):
    """Of a click: rounded once to a millionth, half to even."""
    from decimal import ROUND_HALF_EVEN, Decimal

    return (Decimal(cost) / clicks).quantize(Decimal("0.000001"), ROUND_HALF_EVEN) if clicks and cost is not None else None


def shifted(worst, best):
    """A tenth of the budget of the channel with the lowest ROAS goes to that with the highest, in whole cents."""
    from decimal import ROUND_DOWN, Decimal

    amount = (worst[2] / 10).quantize(Decimal("0.01"), ROUND_DOWN)
    moved = [(worst, worst[2] - amount), (best, best[2] + amount)]
    write("shifted.csv", "channel,from,to", [[channel, told(before), told(budget)] for (_, channel, before), budget in moved])


def cents(amount):
    from decimal import ROUND_HALF_UP, Decimal

    return Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    retail()
    platforms()
    series()
    recordings()
    answers()
