#!/usr/bin/env python3
"""Serves what real APIs answered, as their clients' tests recorded it, page by page and in the manner of each API.

    python3 fixture_servers.py --ports PORT

The recordings are found behind the folder `real` beside this file. What an API adds to a recording so that a page can be
asked for (cursors, totals, links) is made here; the records are as they were recorded, but for the name and the currency
that Meta's export lacks.
"""

import argparse
import csv
import json
import pathlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

options = argparse.ArgumentParser()
options.add_argument("--ports", nargs="+", type=int)
options = options.parse_args()
FIXTURES = (pathlib.Path(__file__).parent / "real").resolve().parent / "fixtures"


def read(path):
    return json.loads((FIXTURES / path).read_text())


def stripe():
    """Things of several kinds that have an amount, each of an id of its own."""
    things = read("stripe/fixtures3.json")["resources"].values()
    priced = [thing for thing in things if isinstance(thing.get("amount"), int) and isinstance(thing.get("currency"), str)]
    return [thing | {"id": f"{at:03}_{thing.get('id', 'none')}"} for at, thing in enumerate(priced)]


def meta():
    with open(FIXTURES / "posthog_marketing/meta_campaign_stats.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    nested = ("actions", "action_values", "cost_per_action_type")
    read_row = lambda row: row | {name: json.loads(row[name]) for name in nested if row[name]}
    return [read_row(row) | {"campaign_name": row["campaign_id"], "account_currency": "USD"} for row in rows]


def mailchimp():
    lines = (FIXTURES / "mailchimp_airbyte/reports.jsonl").read_text().splitlines()
    return [json.loads(line)["data"] for line in lines]


STRIPE, META, MAILCHIMP = stripe(), meta(), mailchimp()
COMPANIES = read("hubspot_ruby_vcr/Hubspot_Company_recently_created_returns_a_collection.0.json")["results"]
BALANCE = read("shopify_python_api/payouts_transactions.json")["transactions"]


def stripe_page(query):
    limit, after = int(query["limit"]), query.get("starting_after")
    begin = 1 + next((at for at, thing in enumerate(STRIPE) if thing["id"] == after), -1)
    page = STRIPE[begin : begin + limit]
    return {"object": "list", "data": page, "has_more": begin + limit < len(STRIPE)}, {}


def hubspot_page(query):
    offset, count = int(query.get("offset", 0)), int(query["count"])
    end = offset + count
    page = {"results": COMPANIES[offset:end], "hasMore": end < len(COMPANIES), "offset": end, "total": len(COMPANIES)}
    return page, {}


def shopify_page(query):
    begin, limit = int(query.get("page_info", 0)), int(query["limit"])
    following = f"</admin/transactions.json?limit={limit}&page_info={begin + limit}>; rel=\"next\""
    headers = {"Link": following} if begin + limit < len(BALANCE) else {}
    return {"transactions": BALANCE[begin : begin + limit]}, headers


def meta_page(query):
    wanted = json.loads(query["time_range"])
    rows = [row for row in META if wanted["since"] <= row["date_start"] <= wanted["until"]]
    begin, limit = int(query.get("after", 0)), int(query["limit"])
    paging = {"cursors": {"before": str(begin), "after": str(begin + limit)}}
    if begin + limit < len(rows):
        paging["next"] = "https://graph.facebook.com/next"
    return {"data": rows[begin : begin + limit], "paging": paging}, {}


def mailchimp_page(query):
    begin, count = int(query["offset"]), int(query["count"])
    sent = [row for row in MAILCHIMP if query["since_send_time"] <= row["send_time"] < query["before_send_time"]]
    return {"reports": sent[begin : begin + count], "total_items": len(sent)}, {}


PAGES = {
    "/v1/things": stripe_page,
    "/companies": hubspot_page,
    "/admin/transactions.json": shopify_page,
    "/v27.0/act_1234567890/insights": meta_page,
    "/3.0/reports": mailchimp_page,
}


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        page, headers = PAGES[address.path](query)
        body = json.dumps(page).encode()
        self.send_response(200)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", options.ports[0]), Api)
print("listens", flush=True)
server.serve_forever()
