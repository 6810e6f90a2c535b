#!/usr/bin/env python3
"""The three servers of this pipeline, on this machine: ads, analytics and a CRM, each with pages of its own kind.

    python3 servers.py                      listens on 54321, 54322 and 54323, until it is ended
    python3 servers.py --late ads           its last days are not there yet
    python3 servers.py --slow analytics     each answer takes half a second
    python3 servers.py --down crm           nobody listens there
    python3 servers.py --restated           customers of the last week who were counted late are there as well

Thirty-five days and five channels up to 19 November 2026. Seeded: always the same.
"""

import argparse
import datetime
import http.server
import json
import random
import threading
import time
import urllib.parse

LAST_DAY = datetime.date(2026, 11, 19)
DAYS = 35
TOKENS = {"ads": "Bearer ads-token", "analytics": "Bearer analytics-token", "crm": "crm-key"}

# channel: (campaign, cost of a click, share of clicks that become customers, daily budget, quality)
CHANNELS = {
    "bing": ("b-7", 1.10, 0.0270, 300, 0.71),
    "google": ("g-1", 1.62, 0.0405, 900, 0.82),
    "linkedin": ("l-2", 5.20, 0.0610, 450, 0.88),
    "meta": ("m-3", 1.05, 0.0330, 1900, 0.64),
    "tiktok": ("t-4", 0.72, 0.0110, 500, 0.47),
}


def tables(options):
    """The rows of each server, by the names that its API gives them."""
    numbers = random.Random(20261119)
    ads, analytics, crm = [], [], []
    for back in reversed(range(DAYS)):
        day = (LAST_DAY - datetime.timedelta(days=back)).isoformat()
        for channel, (campaign, cost, rate, budget, quality) in CHANNELS.items():
            spend = int(budget * numbers.uniform(0.85, 1.0) * 100) * 10_000
            clicks = int(spend / 1_000_000 / (cost * numbers.uniform(0.9, 1.1)))
            customers = sum(numbers.random() < rate for _ in range(clicks))
            counted_late = sum(numbers.random() < 0.2 for _ in range(customers)) if back < 7 else 0
            score = round(min(1.0, max(0.0, numbers.gauss(quality, 0.03))), 3)
            if not (options.late == "ads" and back < 4):
                money = {"cost_micros": str(spend), "daily_budget_micros": str(budget * 1_000_000)}
                ads.append({"segments": {"date": day}, "channel": channel, "campaign": campaign,
                            "metrics": {"clicks": str(clicks), **money}})
            analytics.append({"dimensions": [day.replace("-", ""), channel], "metrics": [str(score)]})
            known = customers if options.restated else customers - counted_late
            if known:
                crm.append({"properties": {"signed_on": day, "source": channel, "customers": known}})
    return {"ads": ads, "analytics": analytics, "crm": crm}


def within(rows, first, last, day):
    return [row for row in rows if first <= day(row) <= last]


class Handler(http.server.BaseHTTPRequestHandler):
    """One request; `server` knows which API it is."""

    def log_message(self, *_):
        pass

    def send(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, body):
        api, rows = self.server.api, self.server.rows
        asked = self.headers.get("X-Api-Key") if api == "crm" else self.headers.get("Authorization")
        if asked != TOKENS[api]:
            return self.send(401, {"error": {"message": "who asks?"}})
        time.sleep(0.5 if self.server.slow else 0)
        url = urllib.parse.urlsplit(self.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()}
        if api == "ads" and url.path == "/v1/campaigns":
            # A cursor, which the last page does not have.
            rows = within(rows, query["from"], query["to"], lambda row: row["segments"]["date"])
            start, page = int(query.get("page_token", "c0")[1:]), 80
            more = {"next_page_token": f"c{start + page}"} if start + page < len(rows) else {}
            return self.send(200, {"results": rows[start:start + page], **more})
        if api == "analytics" and url.path == "/v1/report":
            # Rows behind so many, and how many there are.
            first, last = body["from"].replace("-", ""), body["to"].replace("-", "")
            rows = within(rows, first, last, lambda row: row["dimensions"][0])
            return self.send(200, {"rows": rows[body["offset"]:body["offset"] + body["limit"]], "row_count": len(rows)})
        if api == "crm" and url.path == "/v3/customers":
            # The address of the next page.
            rows = within(rows, query["since"], query["until"], lambda row: row["properties"]["signed_on"])
            start, page = int(query.get("after", 0)), 50
            following = urllib.parse.urlencode({**query, "after": start + page})
            more = f"{url.path}?{following}" if start + page < len(rows) else None
            return self.send(200, {"data": rows[start:start + page], "links": {"next": more}})
        return self.send(404, {"error": {"message": f"nothing is at {url.path}"}})

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--ports", nargs=3, type=int, default=[54321, 54322, 54323])
    options.add_argument("--late", choices=["ads"])
    options.add_argument("--slow", choices=TOKENS)
    options.add_argument("--down", choices=TOKENS)
    options.add_argument("--restated", action="store_true")
    options = options.parse_args()
    made = tables(options)
    threads = []
    for (api, rows), port in zip(made.items(), options.ports):
        if api == options.down:
            continue
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.api, server.rows, server.slow = api, rows, api == options.slow
        threads.append(threading.Thread(target=server.serve_forever, daemon=True))
    for thread in threads:
        thread.start()
    print("the servers listen", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
