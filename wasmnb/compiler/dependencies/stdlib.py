"""Modules of the standard library that are preloaded, that require another runtime, or that can't work in a filter."""
# ruff: noqa: SIM905 -- eighty names in a string are easier to read than eighty strings

from __future__ import annotations

__all__ = [
    "ABSENT",
    "ARCHIVED",
    "DEFERRED",
    "GUEST_PYTHON",
    "INSTEAD",
    "LATE_SKIPPED",
    "NOT_ARCHIVED",
    "ON_DEMAND",
    "PLACEHOLDERS",
    "POINTLESS",
    "PRELOADED",
    "PRESENT",
]

#: Version of the Python inside a runtime.
GUEST_PYTHON = "3.14"

#: Codecs that Python imports at their first use. A filter can pass a name from a header to `bytes.decode`.
CODECS = tuple(
    f"encodings.{name}"
    for name in (
        "ascii base64_codec big5 big5hkscs charmap cp037 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253 cp1254 "
        "cp1255 cp1256 cp1257 cp1258 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 "
        "cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp932 cp949 cp950 euc_jis_2004 euc_jisx0213 euc_jp euc_kr "
        "gb18030 gb2312 gbk hex_codec hp_roman8 hz idna iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 "
        "iso2022_jp_ext iso2022_kr iso8859_1 iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16 iso8859_2 "
        "iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 johab koi8_r koi8_t koi8_u kz1048 latin_1 "
        "mac_arabic mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland mac_latin2 mac_roman mac_romanian "
        "mac_turkish palmos ptcp154 punycode quopri_codec raw_unicode_escape rot_13 shift_jis shift_jis_2004 shift_jisx0213 "
        "tis_620 undefined unicode_escape utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le utf_7 utf_8_sig uu_codec "
        "zlib_codec"
    ).split()
)

#: Modules that are imported while a runtime is built. Each uses 20 to 100 kB of every VM's memory.
PRELOADED = tuple(
    "abc collections.abc contextlib contextvars dataclasses datetime enum errno functools gc hashlib heapq hmac importlib "
    "io itertools json linecache logging math operator os.path random re struct sys threading time traceback types typing "
    "urllib.parse warnings weakref zlib".split()
)

#: Modules that preloaded modules import, but only some filters use. They are loaded from the archive at their first use.
DEFERRED = ("difflib", "dis", "inspect", "ipaddress", "tokenize")

#: Modules that every runtime contains as packed code, which are imported at their first use (`guest_code/archive.py`). Each
#: uses 2 to 10 kB. The modules that they import are included. A filter that imports other modules needs a different runtime.
ARCHIVED = (
    tuple(
        "_ast_unparse _colorize _pylong _strptime array ast base64 binascii bisect calendar cmath codecs codeop colorsys configparser copy "
        "copyreg csv decimal difflib dis email.base64mime "
        "email.charset email.contentmanager email.encoders email.errors email.feedparser email.generator email.header "
        "email.headerregistry email.iterators email.quoprimime "
        "email.message email.mime.application email.mime.audio email.mime.base email.mime.image email.mime.message "
        "email.mime.multipart email.mime.nonmultipart email.mime.text email.parser email.policy email.utils fnmatch fractions "
        "glob graphlib gzip html.entities html.parser http.cookies importlib.resources inspect ipaddress keyword locale mimetypes netrc numbers "
        "opcode pathlib pickle plistlib pprint queue quopri reprlib sched secrets selectors shlex shutil stat statistics string tempfile "
        "textwrap token tokenize tomllib unicodedata urllib.error urllib.response uuid "
        "xml.dom.minidom xml.dom.pulldom xml.etree.ElementPath xml.etree.ElementTree xml.parsers.expat xml.sax.handler "
        "xml.sax.xmlreader zipfile ".split()
    )
    + CODECS
)

#: Modules that archived modules import only for features that don't work in a filter.
NOT_ARCHIVED = frozenset(
    "_aix_support _osx_support argparse compression.bz2 compression.lzma compression.zstd ftplib gettext http.client http.server py_compile socket sysconfig "
    "urllib.request".split()
)

#: Public modules that are imported by preloaded and archived modules.
_IMPORTED_BY_THEM = (
    "__future__ _collections_abc _thread annotationlib atexit builtins collections encodings encodings.aliases encodings.utf_8 genericpath "
    "importlib.machinery json.decoder json.encoder json.scanner marshal ntpath posix posixpath pyexpat site".split()
)

#: All modules that a filter can import from the standard runtime, including parent packages.
PRESENT = frozenset((*PRELOADED, *ARCHIVED, *_IMPORTED_BY_THEM)) | {
    ".".join(name.split(".")[:depth]) for name in (*PRELOADED, *ARCHIVED) for depth in range(1, name.count(".") + 1)
}

_NO_FILES = "Filters run inside the proxy and have no file system."
_NO_PROCESSES = "Filters run inside the proxy and can't start processes or threads."
_NATIVE = "It needs a C library that the Wasm build of Python doesn't contain."
_NO_TERMINAL = "Filters run inside the proxy and have no terminal."

_TLS = "The proxy does TLS. Use self.http_call(cluster, ...) to call another service."

#: Modules that packages can import although their functions don't work in a filter: module -> reason.
PLACEHOLDERS: dict[str, str] = {"ssl": _TLS}

#: Modules that can be imported but can't work: module -> hint of the error if the filter itself imports the module.
POINTLESS: dict[str, str] = {
    **dict.fromkeys(
        ("concurrent.futures", "concurrent.futures.thread", "concurrent.futures.process", "concurrent.interpreters"),
        f"{_NO_PROCESSES} Use `async def` callbacks and gather() to do several things concurrently.",
    ),
    "subprocess": _NO_PROCESSES,
    **dict.fromkeys(
        ("requests", "httpx", "aiohttp", "urllib3", "httplib2", "websockets"),
        "Filters run inside the proxy and have no sockets. Use `await self.http_call(cluster, ...)` to call another service.",
    ),
}

#: Modules of the SDK that a runtime contains only if the filter imports them.
ON_DEMAND = frozenset({"wasmnb.sdk.jwt"})

#: Package that can't work in a filter -> sentence about what to use instead, which begins with a space.
INSTEAD: dict[str, str] = {
    **dict.fromkeys(
        ("cryptography", "jwcrypto", "Crypto", "Cryptodome", "nacl", "OpenSSL"),
        " To verify tokens (RS256, ES256, HS256, Ed25519) use wasmnb.sdk.jwt; hashes and HMAC are in hashlib and hmac.",
    ),
    **dict.fromkeys(("orjson", "ujson", "rapidjson"), " Use json."),
    **dict.fromkeys(("regex",), " Use re."),
}

#: Top-level modules that a runtime can't contain -> reason.
ABSENT: dict[str, str] = {
    **dict.fromkeys(("bz2", "lzma", "ctypes", "_ctypes"), _NATIVE),
    **dict.fromkeys(("dbm", "sqlite3", "_sqlite3"), f"{_NO_FILES} Use shared_data for values that all workers share."),
    **dict.fromkeys(("mmap", "fcntl", "grp", "pwd", "resource", "syslog", "spwd"), _NO_FILES),
    **dict.fromkeys(("multiprocessing",), _NO_PROCESSES),
    **dict.fromkeys(("curses", "readline", "rlcompleter", "termios", "tty", "pty", "tkinter", "turtle", "idlelib"), _NO_TERMINAL),
    "ssl": _TLS,
    **dict.fromkeys(
        ("asynchat", "asyncore", "cgi", "cgitb", "chunk", "crypt", "imghdr", "imp", "lib2to3", "nntplib", "pipes", "sndhdr", "telnetlib", "uu", "xdrlib", "audioop", "aifc", "sunau", "distutils", "mailcap", "msilib", "nis", "ossaudiodev", "smtpd"),
        "Filters have Python 3.14, which removed this module.",
    ),
}  # fmt: skip

#: Top-level modules that a filter can't use, although other modules import them inside functions.
LATE_SKIPPED = frozenset(
    {*ABSENT, *"_pyrepl antigravity asyncio doctest ensurepip idlelib pdb pip pydoc pytest setuptools site subprocess".split(),
     *"test this turtledemo unittest venv webbrowser".split()}
)  # fmt: skip
