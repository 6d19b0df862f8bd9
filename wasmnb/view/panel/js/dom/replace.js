// Replace the children of a node without losing the keyboard's focus.

import { append } from "./nodes.js";

const FOCUSABLE = "button, select, input, textarea, summary, [tabindex]";

export function replace(node, ...children) {
  const restore = rememberFocus(node);
  node.replaceChildren();
  append(node, children);
  if (restore) restore();
}

// The focused control is identified by its tag and label, because a redraw creates new nodes.
function rememberFocus(node) {
  const focused = document.activeElement;
  if (!focused || focused === node || !node.contains(focused)) return null;
  const label = labelOf(focused);
  const candidates = () => [...node.querySelectorAll(FOCUSABLE)].filter((control) => labelOf(control) === label);
  const index = candidates().indexOf(focused);
  return () => {
    const control = candidates()[index];
    if (control) control.focus({ preventScroll: true });
  };
}

const labelOf = (node) =>
  `${node.tagName} ${node.getAttribute("aria-label") || node.getAttribute("name") || node.textContent}`;
