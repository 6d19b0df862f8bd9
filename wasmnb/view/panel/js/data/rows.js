// The list of exchanges, newest first. The model contains the complete list, so that it is saved with the notebook.

// Columns of a row: id, method, path, status, worker, duration in microseconds, microseconds in the filter, state, start time,
// microseconds that the exchange waited for its worker, and the description of the filter that pauses it ("" if none does).
export const ID = 0;
export const METHOD = 1;
export const PATH = 2;
export const STATUS = 3;
export const WORKER = 4;
export const TOTAL = 5;
export const FILTER = 6;
export const STATE = 7;
export const WAITED = 9;
export const PAUSED = 10;

const VERSION = 1_000_000; // row id = version of the filter x VERSION + number of the exchange
const KEPT = 10_000;

const parsed = new WeakMap(); // value of the trait -> its rows

// Version of the running filter, counted from 0.
const currentVersion = (model) => (model.get("rows") || {}).version || 0;

export const rowId = (model, number) => currentVersion(model) * VERSION + number;
export const isOldVersion = (model, id) => Math.floor(id / VERSION) !== currentVersion(model);

export function rowName(model, id) {
  return isOldVersion(model, id) ? `v${Math.floor(id / VERSION) + 1} ${id % VERSION}` : `${id % VERSION}`;
}

export function rowsOf(model) {
  const trait = model.get("rows") || {};
  if (trait.list) return trait.list;
  if (!parsed.has(trait)) parsed.set(trait, JSON.parse(trait.text || "[]"));
  return parsed.get(trait);
}

// The kernel sends the complete list to a new front end, and then only rows that are new or have changed. They are merged
// in the model, once for all its views.
export function mergeRows(model, { text, total, version }) {
  const list = rowsOf(model).slice();
  const fresh = [];
  for (const row of JSON.parse(text)) {
    const at = indexOf(list, row[ID]);
    if (at < 0) fresh.unshift(row);
    else list[at] = row;
  }
  const merged = [...fresh, ...list];
  if (fresh.some((row, i) => i + 1 < merged.length && row[ID] < merged[i + 1][ID]))
    merged.sort((a, b) => b[ID] - a[ID]);
  // A model compares the old and the new value from the last key to the first. `change` avoids comparing all rows.
  const change = ((model.get("rows") || {}).change || 0) + 1;
  model.set("rows", { list: merged.slice(0, KEPT), total, version, change });
}

// Binary search in a list that is sorted by descending id. Returns -1 if the list doesn't contain the row.
function indexOf(list, id) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][ID] > id) low = middle + 1;
    else high = middle;
  }
  return low < list.length && list[low][ID] === id ? low : -1;
}
