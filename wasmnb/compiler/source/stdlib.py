"""The standard library inside a filter: modules that are preloaded, that need another runtime, or that can't work."""
# ruff: noqa: SIM905 -- eighty names read better than eighty strings

from __future__ import annotations

__all__ = ["ABSENT", "GUEST_PYTHON", "PRELOADED", "PRESENT"]

#: Version of the Python inside a runtime.
GUEST_PYTHON = "3.14"

#: Modules in every runtime. They're imported while it is built, because filters have no file system to import from.
#: Each costs 20 to 100 kB in every file. A filter that imports another module gets a runtime of its own.
PRELOADED = tuple(
    "abc array ast base64 binascii bisect calendar cmath codecs collections.abc contextlib contextvars copy csv "
    "dataclasses datetime decimal difflib encodings.ascii encodings.cp1252 encodings.hex_codec encodings.idna "
    "encodings.latin_1 encodings.punycode encodings.utf_16 encodings.utf_8_sig enum errno fnmatch fractions functools gc hashlib heapq hmac html.entities "
    "html.parser http.cookies importlib inspect io ipaddress itertools json keyword linecache locale logging math "
    "numbers operator os.path pathlib pickle pprint quopri random re reprlib secrets statistics string struct sys "
    "textwrap threading time tokenize tomllib traceback types typing unicodedata urllib.error urllib.parse uuid "
    "warnings weakref xml.etree.ElementTree zlib".split()
)

#: Public modules that the preloaded ones import.
_IMPORTED_BY_PRELOADED = (
    "__future__ annotationlib atexit builtins codeop collections copyreg dis encodings encodings.aliases encodings.utf_8 "
    "genericpath glob http importlib.machinery json.decoder json.encoder json.scanner marshal ntpath opcode posix "
    "posixpath pyexpat shutil site stat tempfile token urllib.response zipimport _thread _collections_abc".split()
)

#: All modules that a filter can import from the standard runtime, parent packages included.
PRESENT = frozenset((*PRELOADED, *_IMPORTED_BY_PRELOADED)) | {
    name.rpartition(".")[0] for name in PRELOADED if "." in name
}

_NO_FILES = "Filters run inside the proxy and have no file system."
_NO_PROCESSES = "Filters run inside the proxy and can't start processes or threads."
_NATIVE = "It needs a C library that the Wasm build of Python doesn't have."
_NO_TERMINAL = "Filters run inside the proxy and have no terminal."

#: Top-level modules that can't be in a runtime, with the reason.
ABSENT: dict[str, str] = {
    **dict.fromkeys(("bz2", "lzma", "ctypes", "_ctypes", "compression"), _NATIVE),
    **dict.fromkeys(("sqlite3", "dbm"), f"{_NATIVE} Use shared_data for values that all workers share."),
    **dict.fromkeys(("mmap", "fcntl", "grp", "pwd", "resource", "syslog", "spwd"), _NO_FILES),
    **dict.fromkeys(("multiprocessing",), _NO_PROCESSES),
    **dict.fromkeys(("curses", "readline", "rlcompleter", "termios", "tty", "pty", "tkinter", "turtle", "idlelib"), _NO_TERMINAL),
    **dict.fromkeys(("ssl",), "The proxy does TLS. Use self.http_call(cluster, ...) to call another service."),
    **dict.fromkeys(
        ("asynchat", "asyncore", "cgi", "cgitb", "chunk", "crypt", "imghdr", "imp", "lib2to3", "nntplib", "pipes", "sndhdr", "telnetlib", "uu", "xdrlib", "audioop", "aifc", "sunau", "distutils", "mailcap", "msilib", "nis", "ossaudiodev", "smtpd"),
        "Filters have Python 3.14, which removed this module.",
    ),
}  # fmt: skip
