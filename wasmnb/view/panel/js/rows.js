// ── the list of exchanges, kept whole ───────────────────────────────────────────────────────────────────────────────

// Row: id, method, path, status, worker, microseconds in all, microseconds in the filter, state, start (seconds).
const ID = 0, METHOD = 1, PATH = 2, STATUS = 3, WORKER = 4, WHOLE = 5, FILTER = 6, STATE = 7, STARTED = 8;

const VERSION = 1_000_000; // row ids of one version of the filter begin at its multiples
const KEPT = 10_000;

const parsed = new WeakMap(); // trait -> its rows, newest first

function rowsOf(model) {
  const trait = model.get("rows") || {};
  if (trait.list) return trait.list;
  if (!parsed.has(trait)) parsed.set(trait, JSON.parse(trait.text || "[]"));
  return parsed.get(trait);
}

// The kernel sends the whole list when somebody begins to look, and from then on what is new. It is put together in the
// model, once for all views of it, so that a saved notebook has the whole list, too.
function mergeRows(model, { text, total, version }) {
  const list = rowsOf(model).slice(), fresh = [];
  for (const row of JSON.parse(text)) {
    const at = indexOf(list, row[ID]);
    if (at < 0) fresh.unshift(row);
    else list[at] = row;
  }
  const merged = [...fresh, ...list];
  if (fresh.some((row, i) => i + 1 < merged.length && row[ID] < merged[i + 1][ID])) merged.sort((a, b) => b[ID] - a[ID]);
  // A model compares its old value with the new one, from the last key to the first: `change` spares it ten thousand rows.
  const change = ((model.get("rows") || {}).change || 0) + 1;
  model.set("rows", { list: merged.slice(0, KEPT), total, version, change });
}

// Place of a row in a list that falls by id; -1 if it is not there.
function indexOf(list, id) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][ID] > id) low = middle + 1;
    else high = middle;
  }
  return low < list.length && list[low][ID] === id ? low : -1;
}

function rowName(model, id) {
  const version = Math.floor(id / VERSION);
  return version === ((model.get("rows") || {}).version || 0) ? `${id % VERSION}` : `v${version + 1} ${id % VERSION}`;
}
