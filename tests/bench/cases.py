"""The cases of the bench: seeded data, the pipeline, and the same query for each peer."""

import dataclasses
import datetime
import os
import random
import typing

ROWS = int(os.environ.get("ROWS", 10_000_000))
CHANNELS = ["google", "meta", "tiktok", "linkedin", "bing", "reddit"]


@dataclasses.dataclass
class Case:
    """One comparison; all commands run in the folder of the data."""

    name: str
    told: str
    make: typing.Callable[[], None]
    pipeline: str
    by_hand: list
    polars: str
    duckdb: str
    pandas: str = ""
    dlt: str = ""
    dlt_run: str = ""
    # What runs beside it: arguments of Python.
    server: list = dataclasses.field(default_factory=list)


def all_cases(work):
    makers = [csv_rows, parquet_rows, floats, days, joins, windows, touches, ndjson, json, by_cursor, by_offset]
    return [maker(work) for maker in makers]


def written(table, path, money):
    """Writes Parquet, its amounts as decimals."""
    import polars

    polars.DataFrame(table).with_columns(polars.col(money).cast(polars.Decimal(38, 6))).write_parquet(path)


def rows_file(work):
    """Ten million rows of ads, as CSV and as Parquet."""
    csv, parquet = work / f"rows-{ROWS}.csv", work / f"rows-{ROWS}.parquet"
    if parquet.exists():
        return
    import polars

    numbers = random.Random(1)
    with open(csv, "w") as file:
        file.write("day,channel,campaign,spend,clicks,note\n")
        for row in range(ROWS):
            day = f"2026-{1 + row % 9:02d}-{1 + row % 28:02d}"
            spend = numbers.randrange(100_000) / 100
            file.write(f"{day},{CHANNELS[numbers.randrange(6)]},c{row % 500},{spend:.2f},{numbers.randrange(200)},x{row}\n")
    money = polars.col("spend").cast(polars.Decimal(38, 6))
    polars.scan_csv(csv, try_parse_dates=True).with_columns(money).sink_parquet(parquet)


CHANNEL_PIPELINE = """fetch ads from {source} {{ columns {{ channel: text, spend: {type}, clicks: count }} }}
transform channels from ads {{ group by channel {{ spend = sum(spend), clicks = sum(clicks), rows = count() }} }}
alert spent for each channel in channels {{ when spend > {least} and clicks > 0 and rows > 0 }}
"""
CHANNEL_POLARS = """import polars as pl
rows = pl.scan_{kind}('{path}'){cast}
print(rows.group_by('channel').agg(pl.col('spend').sum(), pl.col('clicks').sum(), pl.len()).collect(engine='streaming').height)
"""
CHANNEL_DUCKDB = """import duckdb
q = "select channel, sum(spend::{type}), sum(clicks), count(*) from read_{kind}('{path}') group by 1"
print(len(duckdb.sql(q).fetchall()))
"""
CHANNEL_PANDAS = """import glob, pandas as pd
rows = pd.concat(pd.read_csv(f, usecols=['channel', 'spend', 'clicks']) for f in sorted(glob.glob('{path}')))
print(len(rows.groupby('channel').agg(spend=('spend', 'sum'), clicks=('clicks', 'sum'), rows=('spend', 'size'))))
"""


def by_channel(name, told, kind, path, make, money=True):
    cast = ".with_columns(pl.col('spend').cast(pl.Decimal(38, 6)))" if kind == "csv" and money else ""
    typed = {"type": "money", "least": "$1"} if money else {"type": "number", "least": "1"}
    return Case(
        name,
        told,
        make,
        CHANNEL_PIPELINE.format(source=f'{kind}("{path}")', **typed),
        ["channel" if money else "channel-floats", path],
        CHANNEL_POLARS.format(kind=kind, path=path, cast=cast),
        CHANNEL_DUCKDB.format(kind=kind, path=path, type="decimal(18, 6)" if money else "double"),
        # pandas holds a decimal as an object of Python: it reads CSV, into floats.
        CHANNEL_PANDAS.format(path=path) if kind == "csv" else "",
    )


def csv_rows(work):
    told = f"{ROWS:,} rows of CSV by channel, money as decimals"
    return by_channel("csv", told, "csv", f"rows-{ROWS}.csv", lambda: rows_file(work))


def parquet_rows(work):
    told = f"{ROWS:,} rows of Parquet by channel, money as decimals"
    return by_channel("parquet", told, "parquet", f"rows-{ROWS}.parquet", lambda: rows_file(work))


def floats(work):
    told = f"{ROWS:,} rows of CSV by channel, money as floats"
    return by_channel("floats", told, "csv", f"rows-{ROWS}.csv", lambda: rows_file(work), money=False)


def days(work):
    def make():
        folder = work / "days"
        if folder.exists():
            return
        folder.mkdir()
        numbers = random.Random(2)
        for day in range(100):
            with open(folder / f"{day:03d}.csv", "w") as file:
                file.write("day,channel,spend,clicks\n")
                for _ in range(50_000):
                    date, spend = f"2026-0{1 + day // 28}-{1 + day % 28:02d}", numbers.randrange(100_000) / 100
                    file.write(f"{date},{CHANNELS[numbers.randrange(6)]},{spend:.2f},{numbers.randrange(200)}\n")

    return by_channel("days", "100 day-files of 50,000 rows by glob", "csv", "days/*.csv", make)


RECORDS = 1_000_000
RECORD = (
    '{{"id": "c-{row:09d}", "day": "2026-{month:02d}-{day:02d}", "channel": "{channel}", "campaign": {{"id": {campaign}, '
    '"name": "Campaign {campaign}"}}, "spend": "{spend:.2f}", "clicks": {clicks}, "ctr": {ctr:.4f}, "active": true, '
    '"tags": ["a", "b"], "note": null, "url": "https://example.com/{row}"}}'
)


def records_file(work):
    """A million records of ads, a line each, and as one document."""
    lines, document = work / "records.ndjson", work / "records.json"
    if document.exists():
        return
    numbers = random.Random(4)
    with open(lines, "w") as file, open(document, "w") as whole:
        for row in range(RECORDS):
            record = RECORD.format(
                row=row,
                month=1 + row % 9,
                day=1 + row % 28,
                channel=CHANNELS[numbers.randrange(6)],
                campaign=row % 500,
                spend=numbers.randrange(100_000) / 100,
                clicks=numbers.randrange(200),
                ctr=numbers.random(),
            )
            file.write(record + "\n")
            whole.write(("[" if row == 0 else ",\n") + record)
        whole.write("]")


RECORDS_PIPELINE = """fetch ads from {kind}("{path}") {{
  columns {{
    id: text, day: date, channel: text, campaign: text from "$.campaign.name", spend: money, clicks: count, ctr: number
    active: bool
  }}
}}
transform channels from ads {{ group by channel {{ spend = sum(spend), clicks = sum(clicks), rows = count() }} }}
alert spent for each channel in channels {{ when spend > $1 and clicks > 0 and rows > 0 }}
"""
RECORDS_POLARS = """import polars as pl
rows = pl.{read}('{path}').lazy().select(
    'id', pl.col('day').str.to_date(), 'channel', pl.col('campaign').struct.field('name'),
    pl.col('spend').cast(pl.Decimal(38, 6)), 'clicks', 'ctr', 'active')
print(rows.group_by('channel').agg(pl.col('spend').sum(), pl.col('clicks').sum(), pl.len()).collect().height)
"""
RECORDS_DUCKDB = """import duckdb
q = '''with ads as (
  select id, day::date, channel, campaign.name, spend::decimal(18, 6) as spend, clicks, ctr, active
  from read_json('{path}', format='{format}', columns={{id: 'varchar', day: 'varchar', channel: 'varchar',
    campaign: 'struct(name varchar)', spend: 'varchar', clicks: 'bigint', ctr: 'double', active: 'boolean'}}))
select channel, sum(spend), sum(clicks), count(*) from ads group by 1'''
print(len(duckdb.sql(q).fetchall()))
"""


def records(work, kind, path, read, format):
    return Case(
        kind,
        f"{RECORDS:,} records of JSON by channel, three of eight columns, money as decimals",
        lambda: records_file(work),
        RECORDS_PIPELINE.format(kind=kind, path=path),
        [],
        RECORDS_POLARS.format(read=read, path=path),
        RECORDS_DUCKDB.format(path=path, format=format),
    )


def ndjson(work):
    return records(work, "ndjson", "records.ndjson", "scan_ndjson", "newline_delimited")


def json(work):
    return records(work, "json", "records.json", "read_json", "array")


PAGES_PORT = 54987
PAGES_CONNECTOR = """connector: bench
base_url: http://127.0.0.1:{port}
endpoints:
  by_cursor:
    get: /records
    records: $.results
    pages: {{ cursor: $.paging.next, as: after }}
    time: day
    columns: &columns
      id: text
      day: date
      channel: text
      campaign: text from "$.campaign.name"
      spend: money
      clicks: count
      rate: number
      at: datetime
  by_offset:
    get: /records
    records: $.results
    pages: {{ offset: offset, limit: 1000, total: $.total }}
    time: day
    columns: *columns
"""
# Bad rows would be skipped: so all eight columns are read.
PAGES_PIPELINE = """fetch ads from bench.{endpoint}() {{ skip bad rows up to 0% }}
transform channels from ads {{ group by channel {{ spend = sum(spend), clicks = sum(clicks), rows = count() }} }}
alert spent for each channel in channels {{ when spend > $1 and clicks > 0 and rows > 0 }}
"""
PAGES_DLT = """from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator, OffsetPaginator
client = RESTClient('http://127.0.0.1:{port}', paginator={paginator}, data_selector='results')
print(sum(len(page) for page in client.paginate('/records')))
"""
PAGES_DLT_RUN = """import dlt, tempfile
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator, OffsetPaginator
client = RESTClient('http://127.0.0.1:{port}', paginator={paginator}, data_selector='results')
@dlt.resource
def ads():
    yield from client.paginate('/records')
folder = tempfile.mkdtemp()
pipeline = dlt.pipeline('bench', pipelines_dir=folder, destination=dlt.destinations.duckdb(folder + '/ads.duckdb'))
print(pipeline.run(ads, loader_file_format='parquet'))
"""


def fetched(work, name, endpoint, paginator):
    def make():
        (work / "connectors").mkdir(exist_ok=True)
        (work / "connectors" / "bench.yaml").write_text(PAGES_CONNECTOR.format(port=PAGES_PORT))

    return Case(
        name,
        "1,000,000 records of 8 columns in pages of 1,000 from a server on this machine",
        make,
        PAGES_PIPELINE.format(endpoint=endpoint),
        [],
        "",
        "",
        dlt=PAGES_DLT.format(port=PAGES_PORT, paginator=paginator),
        dlt_run=PAGES_DLT_RUN.format(port=PAGES_PORT, paginator=paginator),
        server=["page_server.py", str(PAGES_PORT), str(RECORDS)],
    )


def by_cursor(work):
    paginator = "JSONResponseCursorPaginator(cursor_path='paging.next', cursor_param='after')"
    return fetched(work, "by_cursor", "by_cursor", paginator)


def by_offset(work):
    return fetched(work, "by_offset", "by_offset", "OffsetPaginator(limit=1000, total_path='total')")


def joins(work):
    names = ["a", "b", "c", "d", "e"]

    def make():
        if (work / "of_e.parquet").exists():
            return
        import polars

        numbers = random.Random(3)
        facts = {name: [numbers.randrange(100_000) for _ in range(1_000_000)] for name in names}
        facts["spend"] = [numbers.randrange(100_000) / 100 for _ in range(1_000_000)]
        written(facts, work / "facts.parquet", "spend")
        for name in names:
            keys = list(range(100_000))
            numbers.shuffle(keys)
            polars.DataFrame({"k": keys, f"v{name}": [numbers.random() for _ in keys]}).write_parquet(work / f"of_{name}.parquet")

    fetches = "".join(
        f'fetch of_{n} from parquet("of_{n}.parquet") {{ columns {{ k: count, v{n}: number }}  key k }}\n' for n in names
    )
    pipeline = f"""{fetches}fetch facts from parquet("facts.parquet") {{
  columns {{ {", ".join(f"{n}: count" for n in names)}, spend: money }}
}}
transform all from facts {{
  {" ".join(f"left join of_{n} on {n} = k" for n in names)}
  group {{ spend = sum(spend), {", ".join(f"v{n} = sum(v{n})" for n in names)} }}
}}
alert spent in all {{ when spend > $1 and {" and ".join(f"v{n} > 0" for n in names)} }}
"""
    polars = "import polars as pl\nrows = pl.scan_parquet('facts.parquet')\n"
    for n in names:
        polars += f"rows = rows.join(pl.scan_parquet('of_{n}.parquet'), left_on='{n}', right_on='k', how='left')\n"
    sums = ", ".join(f"pl.col('{column}').sum()" for column in ["spend", *(f"v{n}" for n in names)])
    polars += f"print(rows.select({sums}).collect(engine='streaming').height)\n"
    joined = " ".join(f"left join 'of_{n}.parquet' t{n} on f.{n} = t{n}.k" for n in names)
    sums = ", ".join(f"sum(v{n})" for n in names)
    duckdb = f"import duckdb\nprint(duckdb.sql(\"select sum(spend), {sums} from 'facts.parquet' f {joined}\").fetchall())\n"
    pandas = "import pandas as pd\nrows = pd.read_parquet('facts.parquet')\nrows['spend'] = rows['spend'].astype(float)\n"
    for n in names:
        pandas += f"rows = rows.merge(pd.read_parquet('of_{n}.parquet'), left_on='{n}', right_on='k', how='left').drop(columns='k')\n"
    pandas += "print(rows.sum())\n"
    return Case("joins", "five left joins of 1,000,000 by 100,000", make, pipeline, ["joins"], polars, duckdb, pandas)


def windows(work):
    def make():
        if (work / "series.parquet").exists():
            return
        numbers = random.Random(4)
        start = datetime.date(2025, 10, 1)
        rows = [(s, start + datetime.timedelta(days=d)) for s in range(1000) for d in range(400) if numbers.random() > 0.02]
        table = {
            "series": [f"s{s}" for s, _ in rows],
            "day": [day for _, day in rows],
            "spend": [numbers.randrange(100_000) / 100 for _ in rows],
            "clicks": [numbers.randrange(200) for _ in rows],
        }
        written(table, work / "series.parquet", "spend")

    pipeline = """fetch ads from parquet("series.parquet") {
  columns { series: text, day: date, spend: money, clicks: count }
  key series, day
}
transform looked from ads {
  derive spend28 = sum(spend over 28 days), clicks28 = mean(clicks over 28 days)
  group { spend28 = max(spend28), clicks28 = max(clicks28) }
}
alert spent in looked { when spend28 > $1 and clicks28 > 0 }
"""
    polars = """import polars as pl
rows = pl.scan_parquet('series.parquet').sort('series', 'day')
looked = rows.rolling('day', period='28d', group_by='series').agg(pl.col('spend').sum(), pl.col('clicks').mean())
print(looked.select(pl.col('spend').max(), pl.col('clicks').max()).collect())
"""
    duckdb = """import duckdb
q = '''select max(s), max(c) from (select sum(spend) over w as s, avg(clicks) over w as c from 'series.parquet'
window w as (partition by series order by day range between interval 27 days preceding and current row))'''
print(duckdb.sql(q).fetchall())
"""
    pandas = """import pandas as pd
rows = pd.read_parquet('series.parquet')
rows['day'], rows['spend'] = pd.to_datetime(rows['day']), rows['spend'].astype(float)
rows = rows.sort_values(['series', 'day']).set_index('day').groupby('series')
print(rows['spend'].rolling('28D').sum().max(), rows['clicks'].rolling('28D').mean().max())
"""
    told = "28 days by date over 1,000 series of 400 days"
    return Case("windows", told, make, pipeline, ["windows"], polars, duckdb, pandas)


def touches(work):
    def make():
        if (work / "orders.parquet").exists():
            return
        import polars

        numbers = random.Random(5)
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)

        def moments(count):
            return [start + datetime.timedelta(seconds=numbers.randrange(60 * 86_400)) for _ in range(count)]

        clicks = {
            "who": [numbers.randrange(50_000) for _ in range(1_000_000)],
            "clicked": moments(1_000_000),
            "campaign": [f"c{numbers.randrange(40)}" for _ in range(1_000_000)],
            "id": list(range(1_000_000)),
        }
        polars.DataFrame(clicks).write_parquet(work / "clicks.parquet")
        orders = {
            "who": [numbers.randrange(50_000) for _ in range(200_000)],
            "sold": moments(200_000),
            "amount": [numbers.randrange(100_000) / 100 for _ in range(200_000)],
        }
        written(orders, work / "orders.parquet", "amount")

    pipeline = """fetch clicks from parquet("clicks.parquet") {
  columns { who: count, clicked: datetime, campaign: text, id: count }
  key id
  time clicked
}
fetch orders from parquet("orders.parquet") { columns { who: count, sold: datetime, amount: money }  time sold }
transform touched from orders {
  left join clicks on who, latest clicked before sold within 7 days
  group by campaign { amount = sum(amount), orders = count() }
}
alert sold for each campaign in touched { when amount > $1 and orders > 0 }
"""
    polars = """import polars as pl
clicks, orders = pl.scan_parquet('clicks.parquet').sort('clicked'), pl.scan_parquet('orders.parquet').sort('sold')
joined = orders.join_asof(clicks, left_on='sold', right_on='clicked', by='who', tolerance='7d')
print(joined.group_by('campaign').agg(pl.col('amount').sum(), pl.len()).collect().height)
"""
    duckdb = """import duckdb
q = '''select case when c.clicked > o.sold - interval 7 days then c.campaign end as campaign, sum(o.amount), count(*)
from 'orders.parquet' o asof left join 'clicks.parquet' c on o.who = c.who and o.sold >= c.clicked group by 1'''
print(len(duckdb.sql(q).fetchall()))
"""
    pandas = """import pandas as pd
clicks = pd.read_parquet('clicks.parquet').sort_values('clicked')
orders = pd.read_parquet('orders.parquet').sort_values('sold')
orders['amount'] = orders['amount'].astype(float)
joined = pd.merge_asof(orders, clicks, left_on='sold', right_on='clicked', by='who', tolerance=pd.Timedelta('7D'))
print(len(joined.groupby('campaign', dropna=False).agg(amount=('amount', 'sum'), orders=('amount', 'size'))))
"""
    told = "the last of 1,000,000 clicks before each of 200,000 orders"
    return Case("touches", told, make, pipeline, ["touches"], polars, duckdb, pandas)


def short(work):
    """A pipeline over a hundred rows."""
    text = "channel,spend,clicks\n" + "".join(f"{CHANNELS[row % 6]},{row}.50,{row}\n" for row in range(100))
    (work / "short.csv").write_text(text)
    return CHANNEL_PIPELINE.format(source='csv("short.csv")', type="money", least="$1")


def large(items, mistakes):
    """A pipeline of so many items."""
    parts = ["pipeline large { retire 2099-01-01 }\n"]
    parts.append('fetch a from csv("a.csv") { columns { id: text, n: count, cost: money } key id }\n')
    for at in range(items):
        if at % 3 == 0:
            parts.append(f"transform t{at} from a {{ where n > {at}  group by id {{ cost = sum(cost), n = sum(n) }} }}\n")
        elif at % 3 == 1:
            parts.append(f"metric m{at} = sum(cost) / sum(n)\n")
        else:
            parts.append(f"alert x{at} for each id in t{at - 2} {{ when cost > ${at} and n > 3 }}\n")
        if mistakes and at % 100 == 0:
            parts.append(f"let l{at} = {at} == 3 && 4\n")
    return "".join(parts)


def dense(words):
    """Pipelines of so many words and signs that are as large as such can be once they are read: name, text."""
    head = 'pipeline dense { retire 2099-01-01 }\nfetch a from csv("a.csv") { columns { id: text, n: count } key id }\n'
    of_item = 18_000
    items = words // (of_item + 12)
    shapes = {
        "conditions": ("where n>3\n" * (of_item // 4), "transform t{at} from a {{ {body} }}\n"),
        "arguments": (",".join(["n"] * (of_item // 2)), "transform t{at} from a {{ where least({body})>3 }}\n"),
        "aggregates": (
            ",".join(f"x{at}=sum(n)" for at in range(of_item // 7)), "transform t{at} from a {{ group by id {{ {body} }} }}\n"
        ),
        "derived": (
            "derive x0=n" + "".join(f",x{at + 1}=x{at}" for at in range(of_item // 4)), "transform t{at} from a {{ {body} }}\n"
        ),
        "columns": (
            ",".join(f"x{at}:text" for at in range(of_item // 4)), 'fetch t{at} from csv("a") {{ columns {{ {body} }} }}\n'
        ),
        "holes": ("{n}" * (of_item // 3), 'alert t{at} for each id in a {{ when n>3 say "{body}" }}\n'),
        "cells": (
            "|a|1|\n" * (of_item // 6), 'test "{at}" {{ today 2026-11-20 given a {{\n|id|n|\n{body}}} expect no x }}\n'
        ),
    }
    for name, (body, item) in shapes.items():
        yield name, head + "".join(item.format(at=at, body=body) for at in range(items))
    yield "lets", head + "".join(f"let a{at}=1\n" for at in range(words // 4 - 10))
    yield "mistakes", head + "".join(f"let a{at}=b\n" for at in range(words // 4 - 10))
    yield "alerts", head + "".join(f"alert a{at} for each id in a {{when n>3}}\n" for at in range(words // 14))
