"""Recorded outcomes of the real Envoy as readable text, in one file for each area under `recorded/`.

## name of a scenario
refused  main <error> ...
-- GET /
log      worker VM1 (plug r1 vm1) on_request_headers(2, 6, 1)
client   status 200
-- all
upstream GET / host=h.test
metric   c1 3
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from .scenario import Outcome, Part

FOLDER = Path(__file__).parent / "recorded"


def path(area: str) -> Path:
    """Return the file of an area."""
    return FOLDER / f"{area.replace(' ', '_')}.txt"


def write(area: str, outcomes: Mapping[str, Outcome]) -> None:
    """Write the outcomes of an area."""
    FOLDER.mkdir(exist_ok=True)
    text = [f"# {area}: recorded with Envoy 1.40.0"]
    for name, outcome in outcomes.items():
        text += ["", f"## {name}", *_lines(outcome)]
    path(area).write_text("\n".join(text) + "\n")


def read(area: str) -> dict[str, Outcome]:
    """Return the outcomes of an area by scenario name, or an empty dict if the file doesn't exist."""
    outcomes: dict[str, Outcome] = {}
    if not path(area).exists():
        return outcomes
    for section in path(area).read_text().split("\n## ")[1:]:
        name, _, body = section.partition("\n")
        outcomes[name] = _outcome(body.splitlines())
    return outcomes


def _lines(outcome: Outcome) -> Iterable[str]:
    yield from (f"refused  {line}" for line in outcome.refused)
    for part in outcome.parts:
        yield f"-- {part.title}"
        yield from (f"log      {line}" for line in part.log)
        yield from (f"client   {line}" for line in part.client)
    yield "-- all"
    yield from (f"upstream {line}" for line in outcome.upstream)
    yield from (f"metric   {line}" for line in outcome.metrics)


def _outcome(lines: Iterable[str]) -> Outcome:
    outcome = Outcome()
    whole = {"refused": outcome.refused, "upstream": outcome.upstream, "metric": outcome.metrics}
    for line in lines:
        field, text = line[:8].strip(), line[9:]
        if line == "-- all":
            continue
        if line.startswith("-- "):
            outcome.parts.append(Part(line[3:]))
        elif field in whole:
            whole[field].append(text)
        elif field:
            getattr(outcome.parts[-1], field).append(text)
    return outcome
