"""Functions of a runtime that are compiled in a release module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from .block_profile import BlockProfile

__all__ = ["corpus", "functions_of_imports", "seldom"]

#: Profiles of the examples and tests: code that runs while filters are loaded, code that runs while they serve traffic, and
#: names of the functions that write tracebacks. `make profile` writes these files.
_LOADING, _SERVING, _SELDOM = "loading.txt", "serving.txt", "seldom.txt"

#: Module that a filter imports -> pattern of the names of its C functions. They are compiled completely, because interpreted
#: arithmetic takes up to 200 times longer.
_BEHIND = {
    "hashlib": r"_?Hacl_.*|sha\d.*|_?(sha|md5|blake2|sha512|sha3|py)\w*_(update|digest|hexdigest|copy).*|update_\d+|(py_)?blake2.*|MD5.*|SHA\d.*",
    "zlib": r".*flate.*|zlib_.*|crc32.*|adler32.*|longest_match.*|_tr_.*|compress_block|fill_window|send_.*|build_tree|gen_.*|scan_tree",
    "decimal": r"_?mpd_.*|dec_?.*|PyDec.*|ctx_.*|context_.*",
    "datetime": r"date.*|time_.*|delta_.*|new_(date|time|delta)\w*|utc_to_seconds|ymd.*|ord_to_ymd|iso.*|format_.*|parse_.*|wrap_strftime.*",
    "re": r"_?sre_.*|pattern_.*|match_.*|state_.*|SRE\(?.*|charset.*|getmatch.*|expand_template.*",
    "json": r"scan.*|_parse_.*|_match_number.*|py_scanstring|scanstring.*|encoder_.*|py_encode.*|ascii_escape.*|write_.*|raise_errmsg",
    "struct": r"[nblu]\w?_(u?int|long|longlong|short|float|double|byte|char|bool|ushort|ulong|ulonglong|size_t|ssize_t|void_p)|s_(un)?pack.*|Struct_.*|unpack.*|pack.*",
    "base64": r"binascii_.*|(a2b|b2a)_.*",
    "pickle": r"save.*|load_.*|dump.*|batch_.*|memo_.*|_Pickler.*|_Unpickler.*|PyMemoTable.*|Pdata_.*",
    "math": r"math_.*|m_\w+|loghelper|factorial.*|vector_norm",
    "statistics": r"_statistics.*|math_.*",
    "unicodedata": r"unicodedata_.*|nfd_nfkd|nfc_nfkc|_getucname.*|find_nfc_index|is_normalized.*",
    "xml": r"XML_.*|xml.*|xmlparse.*|pyexpat.*|my_.*Handler.*|treebuilder.*|element_.*|expat_.*|doContent|doProlog|contentProcessor|prologProcessor|normal_.*|utf8_.*|little2_.*|big2_.*|appendAttributeValue|storeAtts|poolStoreString|lookup|addBinding|poolGrow|hash_.*",
    "random": r"_random.*|random_.*|genrand.*|init_by_array",
    "tomllib": r"_?sre_.*|pattern_.*|match_.*|SRE.*",
}  # fmt: skip

#: Module -> modules that it imports and whose C functions are compiled as well.
_ALSO = {"hmac": ("hashlib",), "uuid": ("hashlib",), "fractions": ("decimal", "re"), "html": ("re",), "string": ("re",), "textwrap": ("re",), "http": ("re",), "secrets": ("hashlib", "base64")}  # fmt: skip


#: Functions that are compiled completely if any of their blocks was executed. The bytecode loop has blocks for each bytecode
#: instruction and its variants. At a block that wasn't recorded, the rest of the Python frame would be interpreted. This adds
#: 0.4 % to a module.
_WHOLE = ("_PyEval_EvalFrameDefault",)


@cache
def corpus(*, loading: bool = False) -> BlockProfile:
    """Return the profile of the code that most filters execute, which is part of this package.

    Parameters
    ----------
    loading
        Whether to include code that runs while a filter is loaded (default False).
    """
    profile = BlockProfile.parse((files(__package__) / _SERVING).read_text())
    if loading:
        profile.add(BlockProfile.parse((files(__package__) / _LOADING).read_text()))
    for name in _WHOLE:
        count, _ = profile.functions[name]
        profile.functions[name] = count, frozenset(range(count))
    return profile


def seldom() -> BlockProfile:
    """Return the profile with the functions that are called only while a traceback is written."""
    return BlockProfile.parse((files(__package__) / _SELDOM).read_text())


def functions_of_imports(imports: Iterable[str], symbols: Sequence[str]) -> dict[int, frozenset[int] | None]:
    """Return the functions that are compiled completely because a filter imports certain modules.

    Parameters
    ----------
    imports
        Dotted names of the modules that the filter imports.
    symbols
        Names of the runtime's functions, by function index.

    Returns
    -------
    dict
        Index of each function -> None, which means all blocks, as in `BlockProfile.hot`.
    """
    top = {name.partition(".")[0] for name in imports}
    for name in tuple(top):
        top.update(_ALSO.get(name, ()))
    patterns = [_BEHIND[name] for name in sorted(top) if name in _BEHIND]
    if not patterns:
        return {}
    pattern = re.compile("|".join(f"(?:{p})" for p in patterns))
    return {f: None for f, name in enumerate(symbols) if pattern.fullmatch(name.partition("#")[0])}
