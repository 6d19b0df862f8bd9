"""Pages of the gallery: one for each filter in examples/, with its documentation, its costs and its source."""

import ast
import json

from .repository import ROOT, source_url

EXAMPLES = ROOT / "examples"
COSTS = EXAMPLES / "costs.json"


def gallery_pages():
    """Return the index of the gallery and a page for each example."""
    costs = json.loads(COSTS.read_text()) if COSTS.exists() else {}
    rows, pages = [], {}
    for path in sorted(EXAMPLES.glob("*.py")):
        source = path.read_text()
        doc = ast.get_docstring(ast.parse(source))
        first, _, rest = doc.partition("\n")
        cost = costs.get(path.stem, {})
        numbers = [f"{cost[key]:,}" if key in cost else "" for key in ("lines", "fuel", "megabytes")]
        rows.append(f"| [`{path.stem}`]({path.stem}.md) | {first} | {' | '.join(numbers)} |")
        pages[f"gallery/{path.stem}.md"] = _page(path, first, rest, source, numbers)
    head = (ROOT / "docs" / "site" / "pages" / "gallery-index.md").read_text()
    table = ["| filter | | lines | instructions | MB |", "| --- | --- | ---: | ---: | ---: |", *rows]
    tree = ["", "```{toctree}", ":hidden:", "", *(path.stem for path in sorted(EXAMPLES.glob("*.py"))), "```", ""]
    pages["gallery/index.md"] = "\n".join([head, *table, *tree])
    return pages


def _page(path, first, rest, source, numbers):
    lines, fuel, megabytes = numbers
    code = source.split('"""', 2)[2].strip("\n")
    parts = [f"# `{path.stem}`", "", first, "", *_examples(rest), ""]
    if fuel:
        parts += [f"{lines} lines of code. A request takes {fuel} instructions, and a worker's VM has {megabytes} MB.", ""]
    parts += [f"[examples/{path.name}]({source_url(f'examples/{path.name}')})", "", "```python", code, "```", ""]
    return "\n".join(parts)


def _examples(text):
    """Return Markdown: indented blocks after `::` become code."""
    lines, inside = [], False
    for line in text.strip("\n").splitlines():
        if inside and line.strip() and not line.startswith("    "):
            lines += ["```", ""]
            inside = False
        if line.rstrip().endswith("::"):
            lines += [line.rstrip()[:-1], "", "```text"]
            inside = True
        else:
            lines.append(line[4:] if inside else line)
    return [*lines, *(["```"] if inside else [])]
