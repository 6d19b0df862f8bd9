"""The standard library inside a filter: what is always there, what costs a runtime of its own, what cannot be there."""
# ruff: noqa: SIM905 -- eighty names read better than eighty strings

from __future__ import annotations

__all__ = ["ABSENT", "GUEST_PYTHON", "PRELOADED", "PRESENT"]

#: What the Python inside a runtime is.
GUEST_PYTHON = "3.14"

#: In every runtime: what filters use. Imported while it is built, since there is no file system to import from later.
#: A module costs 20 to 100 kB in every file; any other gets a runtime of its own when a filter imports it.
PRELOADED = tuple(
    "abc array ast base64 binascii bisect calendar cmath codecs collections.abc contextlib contextvars copy csv "
    "dataclasses datetime decimal difflib encodings.ascii encodings.cp1252 encodings.hex_codec encodings.idna "
    "encodings.latin_1 encodings.punycode encodings.utf_16 encodings.utf_8_sig enum errno fnmatch fractions functools gc hashlib heapq hmac html.entities "
    "html.parser http.cookies importlib inspect io ipaddress itertools json keyword linecache locale logging math "
    "numbers operator os.path pathlib pickle pprint quopri random re reprlib secrets statistics string struct sys "
    "textwrap threading time tokenize tomllib traceback types typing unicodedata urllib.error urllib.parse uuid "
    "warnings weakref xml.etree.ElementTree zlib".split()
)

#: What the preloaded modules bring along, of the public ones.
_BROUGHT_ALONG = (
    "__future__ annotationlib atexit builtins codeop collections copyreg dis encodings encodings.aliases encodings.utf_8 "
    "genericpath glob http importlib.machinery json.decoder json.encoder json.scanner marshal ntpath opcode posix "
    "posixpath pyexpat shutil site stat tempfile token urllib.response zipimport _thread _collections_abc".split()
)

#: All modules that a filter may import without a runtime of its own, packages around the preloaded ones included.
PRESENT = frozenset((*PRELOADED, *_BROUGHT_ALONG)) | {name.rpartition(".")[0] for name in PRELOADED if "." in name}

_NO_FILES = "A filter has no file system: it runs inside the proxy."
_NO_PROCESSES = "A filter runs inside the proxy and cannot start processes or threads."
_NATIVE = "It needs a C library that is not in the Wasm build of Python."
_NO_TERMINAL = "A filter has no terminal: it runs inside the proxy."

#: Top-level modules that no runtime can have, and why.
ABSENT: dict[str, str] = {
    **dict.fromkeys(("bz2", "lzma", "ctypes", "_ctypes", "compression"), _NATIVE),
    **dict.fromkeys(("sqlite3", "dbm"), f"{_NATIVE} For values shared by all workers there is shared_data."),
    **dict.fromkeys(("mmap", "fcntl", "grp", "pwd", "resource", "syslog", "spwd"), _NO_FILES),
    **dict.fromkeys(("multiprocessing",), _NO_PROCESSES),
    **dict.fromkeys(("curses", "readline", "rlcompleter", "termios", "tty", "pty", "tkinter", "turtle", "idlelib"), _NO_TERMINAL),
    **dict.fromkeys(("ssl",), "The proxy does TLS; to call another service, use self.http_call(cluster, ...)."),
    **dict.fromkeys(
        ("asynchat", "asyncore", "cgi", "cgitb", "chunk", "crypt", "imghdr", "imp", "lib2to3", "nntplib", "pipes", "sndhdr", "telnetlib", "uu", "xdrlib", "audioop", "aifc", "sunau", "distutils", "mailcap", "msilib", "nis", "ossaudiodev", "smtpd"),
        "The Python inside Wasm is 3.14, which no longer has it.",
    ),
}  # fmt: skip
