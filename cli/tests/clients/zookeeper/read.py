"""Reads with kazoo what frameworks read to find the leading master, and prints it as JSON.

usage: read.py HOST:PORT/PATH
"""
import json
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError

client = KazooClient(sys.argv[1], timeout=10)
client.start()
# The first child is the leader's; older clients compare the names as they are.
least = min(child for child in client.get_children("") if child != "log_replicas")
assert least.startswith("json.info_") and len(least) == len("json.info_") + 10, least
data, stat = client.get("/" + least)
try:
    client.delete("/" + least)
    may_delete = True
except NoAuthError:
    may_delete = False
print(json.dumps({
    "info": json.loads(data.decode("utf-8")),
    "ephemeral": stat.ephemeralOwner != 0,
    "strangers_may_delete": may_delete,
}))
client.stop()
