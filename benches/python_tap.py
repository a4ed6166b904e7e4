#!/usr/bin/env -S python3 -B
"""The Python tap-bigcommerce, unchanged, against a store at another address: `python_tap.py ORIGIN ARGUMENTS…`.

It has no setting for the address. All of its requests go through one method, and this replaces the address there.
"""

import sys

from tap_bigcommerce import main
from tap_bigcommerce.bigcommerce import Bigcommerce

origin = sys.argv.pop(1)
get = Bigcommerce.get


def redirected(self, url, *arguments, **options):
    path = url.removeprefix("https://api.bigcommerce.com")
    if path == url:
        sys.exit(f"FAILED: the Python tap asks another host: {url}")
    return get(self, origin + path, *arguments, **options)


Bigcommerce.get = redirected
main()
