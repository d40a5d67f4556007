"""What the programs share."""

import os
import sys
import time
from urllib.parse import unquote, urlsplit

URL = os.environ["PUMICE_URL"].rstrip("/")
_parts = urlsplit(URL)
USER, PASSWORD = unquote(_parts.username or ""), unquote(_parts.password or "")
ORIGIN = f"{_parts.scheme}://{_parts.hostname}:{_parts.port}"


def restart():
    """Has the server killed and started again."""
    print("@restart", flush=True)
    assert sys.stdin.readline().strip() == "done"


def until(is_so):
    """Asks again until it is so; the harness ends what never is."""
    while not is_so():
        time.sleep(0.02)


def main(*tests):
    for test in tests:
        test()
        print(f"ok {test.__name__}", flush=True)
