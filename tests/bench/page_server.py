"""A server that answers at once: a million records in pages of a thousand, by cursor or by offset.

    python3 page_server.py PORT RECORDS
"""

import asyncio
import json
import random
import sys
import urllib.parse

CHANNELS = ["google", "meta", "tiktok", "linkedin", "bing", "reddit"]
PAGE = 1_000


def record(at, numbers):
    return {
        "id": f"order-{at:09d}",
        "day": f"2026-{1 + at % 9:02d}-{1 + at % 28:02d}",
        "channel": CHANNELS[numbers.randrange(6)],
        "campaign": {"id": f"c{at % 500}", "name": f"campaign number {at % 500} of this year"},
        "spend": f"{numbers.randrange(100_000) / 100:.2f}",
        "clicks": numbers.randrange(200),
        "rate": numbers.randrange(10_000) / 10_000,
        "at": f"2026-{1 + at % 9:02d}-{1 + at % 28:02d}T12:00:00Z",
        "new": at % 3 == 0,
    }


def pages(records):
    """The pages, as they are sent."""
    numbers = random.Random(7)
    for start in range(0, records, PAGE):
        of = [record(at, numbers) for at in range(start, min(start + PAGE, records))]
        after = start + PAGE if start + PAGE < records else None
        body = json.dumps({"results": of, "paging": {"next": after}, "total": records}, separators=(",", ":")).encode()
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def serve(port, records):
    made = list(pages(records))
    end = b'{"results":[],"paging":{"next":null},"total":%d}' % records
    end = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(end) + end

    async def answer(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(head.split(b" ", 2)[1].decode()).query)
                at = int(query.get("after", query.get("offset", ["0"]))[0])
                writer.write(made[at // PAGE] if at < records else end)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
