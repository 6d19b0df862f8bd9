"""Save notebooks with outputs that GitHub can show, and that change only if the notebook or the code changes.

Outputs are compared without figures that differ in every run (times, pictures of them), and without the order of log lines that
threads write at the same time. If nothing else has changed in a notebook, its file isn't changed. Otherwise, all
outputs are from the new run, so that the times in one notebook belong together.
"""

import difflib
import html
import math
import os
import re
import shutil
import tempfile
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"

#: Forms of an output that are saved. Live widgets need a kernel.
_SAVED = ("text/html", "text/plain", "text/markdown", "image/png", "image/svg+xml", "application/json")

#: Parts that differ between two runs of the same notebook -> placeholder used in the comparison.
_VOLATILE = (
    (re.compile(r"(x-envoy-upstream-service-time)(\W+)\d+"), r"\1\2<figure>"),
    (re.compile(r"Median time in the filter: [^\n<]*"), "<comparison of times>"),
    (re.compile(r"\d\d:\d\d:\d\d GMT"), "<moment>"),
    (re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+"), "<picture>"),
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"(?:(?:&nbsp;|\s)*[▏▎▍▌▋▊▉█▁▂▃▄▅▆▇])+"), "<bar>"),
    (re.compile(r"\b\d[\d,]*(?:\.\d+)?(?:&nbsp;|\s)?(?:ns|us|µs|μs|ms|s|%)(?![\w])"), "<figure>"),
    (re.compile(r"\b(?:\d+\.\d{4,}|\d{19})\b"), "<figure>"),
    (re.compile(r"-?<figure> (?:more|fewer) instructions"), "<figure> instructions"),
    (re.compile(r" · <figure> of it before worker-\d+ was free"), ""),  # shown only if the wait was noticeable
    (re.compile(r"(?m)(<figure>\s+)\d[\d,]*\s*$"), r"\1<count>"),  # instructions, which follow every change of the SDK
    (re.compile(r"\b(?:0x[0-9a-f]{6,}|[0-9a-f]{12}|[0-9a-f]{40,64})\b"), "<address or digest>"),
    (re.compile(r"\barg2=\d+"), "arg2=<address>"),  # a pointer of a call of WASI
    (re.compile(r"[ \t─-╿]+"), " "),
)

#: Sizes are compared, but the sizes of runtimes change with the SDK. Sizes that differ by less than this fraction count as equal.
_SIZE_TOLERANCE = 0.25
_SIZE = re.compile(r"\b(\d[\d,]*(?:\.\d+)?)(?:&nbsp;|\s)?(?:MB|kB|KB|MiB|KiB|bytes)(?![\w])")

#: A line of a log that belongs to no exchange: the threads of a proxy write such lines at the same time, when they start or tick.
_CONCURRENT = re.compile(r"^\s*<figure>\s*(?:trace|debug|info|warn|warning|error|critical)\s*(main|worker-\d+)\s*VM\d+\s*\d+\b(?!\s*#)")
#: A row of a table of measured times, which the tool may sort by them: a name, counts and times.
_TIMES = re.compile(r"^\s*\w+(?:\s+[\d,]+)+(?:\s+<figure>)+(?:\s*<bar>)?(?:\s+<count>)?\s*$")
_ROW, _TAG = re.compile(r"(?=</?(?:tr|li|p|table|details)\b)"), re.compile(r"<[^>]*>")

#: Lines about the progress of a build; they depend on what is in the cache.
_PROGRESS = re.compile(r"(?m)^(?:Runtime built in .*|Release module built in .*|Module compiled in .*|(?:Compiled|Profiled|Compared|Built|Searched)\b.* in [\d.]+ s.*|[\d.]+ s|VBox\(.*|HBox\(.*)\n?$\n?")

#: Names that kernels and ipytest give to files of a run, and addresses of objects.
_NAMES = (
    (re.compile(r"\b0x[0-9a-f]{9,}\b"), "0x..."),
    (re.compile(r"/tmp/ipykernel_\d+/\d+\.py"), "cell.py"),
    (re.compile(r"\bt_[0-9a-f]{32}\.py"), "cell.py"),
)


#: Environment variables that change the output of pytest and terminals. CI machines set some of them.
_CHANGES_OUTPUT = {"CI", "BUILD_NUMBER", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "PYTEST_ADDOPTS", "TERM"}


def notebooks():
    """Return the committed notebooks, in reading order."""
    return sorted(path for path in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def run(path):
    """Run a notebook in a copy of its folder, and return it with its outputs. Raises if a cell fails unexpectedly."""
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "notebooks"
        shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns("build", "*.ipynb", ".ipynb_checkpoints"))
        client = nbclient.NotebookClient(
            notebook,
            timeout=240,  # includes the build of a runtime
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--IPKernelApp.log_level=40"],
        )
        client.execute(env={name: value for name, value in os.environ.items() if name not in _CHANGES_OUTPUT})
        text = nbformat.writes(notebook).replace(str(folder), path.parent.name)
    for pattern, replacement in _NAMES:
        text = pattern.sub(replacement, text)
    return nbformat.reads(text, as_version=4)


def save_form(executed, saved):
    """Return the saved form of an executed notebook. If all outputs agree with `saved`, those of `saved` are kept."""
    import nbformat

    kept = {cell.id: cell.get("outputs", []) for cell in saved.cells if cell.cell_type == "code"}
    notebook = nbformat.from_dict(executed)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    for cell in code:
        cell.outputs = _outputs(cell.outputs)
    if all(cell.id in kept and same(cell.outputs, kept[cell.id]) for cell in code):
        for cell in code:
            cell.outputs = kept[cell.id]
    return notebook


def _outputs(outputs):
    import nbformat

    saved = []
    for output in outputs:
        data = output.get("data")
        if data is not None:
            data = {kind: data[kind] for kind in _SAVED if kind in data}
            if set(data) <= {"text/plain"} and _PROGRESS.search(data.get("text/plain", "")):
                continue
            output = nbformat.from_dict({**output, "data": data, "metadata": {}})
        if output.output_type == "stream":
            output = nbformat.from_dict({**output, "text": _PROGRESS.sub("", output.text)})
            if not output.text:
                continue
        if output.output_type == "stream" and saved and saved[-1].get("name") == output.get("name"):
            saved[-1]["text"] += output.text
            continue
        saved.append(output)
    return saved


def same(new, old, *, sizes=True):
    """Return whether two lists of outputs agree, ignoring parts that differ in every run.

    Parameters
    ----------
    new, old
        The outputs.
    sizes
        Whether to compare sizes as well (default True).
    """
    if len(new) != len(old):
        return False
    return all(_alike(_texts(a), _texts(b), sizes=sizes) for a, b in zip(new, old, strict=True))


def differences(new, old, longest=12):
    """Return the first lines in which the compared texts of two lists of outputs differ, with sizes."""
    lines = [
        [line for output in outputs for kind, text in _texts(output).items() for line in _lines(text, kind, "\\g<0>")]
        for outputs in (old, new)
    ]
    changed = [line[:300] for line in difflib.unified_diff(*lines, n=0, lineterm="") if not line.startswith(("---", "+++", "@@"))]
    return changed if len(changed) <= longest else [*changed[:longest], f"... {len(changed) - longest} more lines"]


def _texts(output):
    """Return the parts of an output that are compared, by kind."""
    if "data" in output:
        data = {kind: "".join(text) if isinstance(text, list) else str(text) for kind, text in output["data"].items()}
        return {kind: "<picture>" if kind.startswith("image/") else text for kind, text in data.items()}
    if output["output_type"] == "error":
        return {"error": "\n".join(output["traceback"])}
    return {output["name"]: "".join(output["text"])}


def _alike(new, old, *, sizes):
    if new.keys() != old.keys() or any(stable(new[kind], kind) != stable(old[kind], kind) for kind in new):
        return False
    return not sizes or all(map(_close, _sizes(new), _sizes(old)))


def _close(new, old):
    return math.isclose(new, old, rel_tol=_SIZE_TOLERANCE)


def _sizes(texts):
    return [float(match[1].replace(",", "")) for text in texts.values() for match in _SIZE.finditer(text)]


def stable(text, kind="text/plain"):
    """Return the lines of a text without sizes and parts that differ in every run. For HTML, the set of tags comes last."""
    return _lines(text, kind, "<size>")


def _lines(text, kind, size):
    if kind != "text/html":
        return _without_order(_masked(text, size).split("\n"))
    words = html.unescape(_TAG.sub(" ", _ROW.sub("\n", text)))
    tags = {_masked(tag, size) for tag in _TAG.findall(text)}
    return [*_without_order(filter(str.strip, _masked(words, size).split("\n"))), *sorted(tags)]


def _masked(text, size):
    text = _SIZE.sub(size, text)
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text


def _without_order(lines):
    """Sort lines by thread if several threads wrote them at the same time. Rows of measured times are sorted as well."""
    result = []
    for order, group in groupby(lines, key=_order):
        result += sorted(group, key=order) if order else group
    return result


def _order(line):
    """Return the sort key function for a line and similar lines next to it, or None to keep their order."""
    return _thread if _CONCURRENT.match(line) else str if _TIMES.match(line) else None


def _thread(line):
    return _CONCURRENT.match(line)[1]


def write(notebook, path):
    """Write a notebook with one space of indentation and a newline at the end."""
    import nbformat

    text = nbformat.writes(notebook)
    if not path.exists() or path.read_text() != text + "\n":
        path.write_text(text if text.endswith("\n") else text + "\n")
