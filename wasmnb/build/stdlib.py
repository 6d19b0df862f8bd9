"""Which modules of the standard library every runtime has in memory."""

from __future__ import annotations

__all__ = ["PRELOADED"]

#: Imported while the runtime is built, since there is no file system to import from later.
PRELOADED = tuple(
    """
    abc array ast asyncio base64 binascii bisect calendar cmath codecs collections collections.abc colorsys configparser
    contextlib contextvars copy csv dataclasses datetime decimal difflib email.message email.utils enum errno fnmatch
    fractions functools gc gettext hashlib heapq hmac html html.entities html.parser http http.cookies inspect io
    ipaddress itertools json json.decoder json.encoder json.scanner keyword linecache locale logging logging.handlers
    math mimetypes numbers operator os os.path pathlib pickle pprint quopri random re reprlib secrets shlex statistics
    string struct sys textwrap time timeit token tokenize tomllib traceback types typing unicodedata urllib urllib.error
    urllib.parse uuid warnings weakref xml.etree.ElementTree xml.sax.saxutils zlib zoneinfo
    """.split()
)
