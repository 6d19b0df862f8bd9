// The panel: draws the traits of its model, and sends wishes to the kernel. It holds no truth of its own: everything
// shown is in the traits, which the kernel replaces, so that a panel whose kernel is gone still shows its last state.
// All text reaches the page as text nodes and attributes; no string is ever parsed as HTML.

// ── making nodes ────────────────────────────────────────────────────────────────────────────────────────────────────

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") && value != null) node.setAttribute(name, String(value));
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(node, child);
    else if (child != null && child !== false && child !== "") node.append(child instanceof Node ? child : String(child));
  }
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const button = (text, onclick, attributes) => el("button", { type: "button", onclick, ...attributes }, text);
const muted = (...children) => el("span", { class: "muted" }, ...children);

// What has the keyboard's focus is found again by what it says: a redraw must not throw anybody out.
function replace(node, ...children) {
  const held = focusIn(node);
  node.replaceChildren();
  append(node, children);
  if (held) held();
}

const CONTROLS = "button, select, input, textarea, summary, [tabindex]";
const says = (n) => `${n.tagName} ${n.getAttribute("aria-label") || n.getAttribute("name") || n.textContent}`;

function focusIn(node) {
  const focused = document.activeElement;
  if (!focused || focused === node || !node.contains(focused)) return null;
  const wanted = says(focused), alike = () => [...node.querySelectorAll(CONTROLS)].filter((n) => says(n) === wanted);
  const place = alike().indexOf(focused);
  return () => {
    const again = alike()[place];
    if (again) again.focus({ preventScroll: true });
  };
}

function table(heads, rows, attributes) {
  return el("table", attributes,
    el("thead", {}, el("tr", {}, heads.map(([text, name]) => el("th", { class: name, scope: "col" }, text)))),
    el("tbody", {}, rows));
}

// A picker of one of several: [value, text] pairs.
function select(label, options, chosen, onchange, attributes) {
  return el("select", { "aria-label": label, onchange: (e) => onchange && onchange(e.target.value), ...attributes },
    options.map(([value, text]) => el("option", { value, selected: String(value) === String(chosen) }, text)));
}

function checkbox(text, checked, onchange, attributes) {
  return el("label", { class: "check" },
    el("input", { type: "checkbox", checked, onchange: (e) => onchange && onchange(e.target.checked), ...attributes }), text);
}
