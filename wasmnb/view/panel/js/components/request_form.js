// The form for requests, with fields for method, path, headers, body and trailers, or for a curl command. For proxies with
// network filters, there is a form for connections, with a field for bytes.

import { bytes, plural } from "../data/units.js";
import { el } from "../dom/nodes.js";
import { replace } from "../dom/replace.js";
import { button, checkbox, muted, select } from "../dom/widgets.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const PART = 4 << 20; // bytes of a file in one message, because servers reject messages above ten megabytes
const FILE_LIMIT = 64 << 20;

export class RequestForm {
  constructor(panel) {
    this.panel = panel;
    this.uploaded = "";
    this.line = sendingForm(() => this.send());
    this.connection = sendingForm(() => this.connect());
    this.connection.hidden = true;
    this.more = el("div", { class: "more", hidden: true });
    this.simulation = el("div", { class: "more controls", hidden: true });
    this.nodes = [this.line, this.connection, this.more, this.simulation];
    this.draw(0);
  }

  draw(workers, listeners = ["http"]) {
    const http = listeners.includes("http");
    const fold = (text, node) =>
      button(
        text,
        (e) => {
          node.hidden = !node.hidden;
          e.target.setAttribute("aria-expanded", String(!node.hidden));
        },
        { "aria-expanded": String(!node.hidden), class: "fold" },
      );
    const kept = this.worker ? this.worker.value : "";
    this.method =
      this.method ||
      el("input", {
        name: "method",
        value: "GET",
        list: `${this.panel.uid}-methods`,
        "aria-label": "method",
        spellcheck: "false",
        size: 7,
      });
    this.path = this.path || el("input", { name: "path", value: "/", "aria-label": "path", spellcheck: "false" });
    this.worker = select(
      "worker",
      [["", "any worker"], ...Array.from({ length: workers }, (_, i) => [i + 1, `worker-${i + 1}`])],
      kept,
      null,
      { name: "worker" },
    );
    replace(
      this.line,
      this.method,
      el(
        "datalist",
        { id: `${this.panel.uid}-methods` },
        METHODS.map((m) => el("option", { value: m })),
      ),
      this.path,
      this.worker,
      el("button", { type: "submit", class: "main" }, "Send"),
      fold("more", this.more),
      fold("controls", this.simulation),
    );
    if (!this.headers) this.drawMore();
    this.line.hidden = !http;
    if (!http) this.more.hidden = true;
    this.connection.hidden = !listeners.includes("tcp");
    this.drawConnection(http ? null : this.worker, http ? null : fold("controls", this.simulation));
  }

  // The form for bytes over TCP. If there is an HTTP form, it contains the worker and the controls.
  drawConnection(worker, controls) {
    this.data =
      this.data ||
      el("input", {
        name: "data",
        placeholder: "bytes over TCP, with escapes: SSH-2.0-x\\r\\n",
        "aria-label": "bytes over TCP",
        spellcheck: "false",
      });
    this.halfClose = this.halfClose || checkbox("half-close", false, null, { name: "half_close" });
    this.halfClose.title = "Close the client's side after the last bytes, and read to the end";
    replace(
      this.connection,
      this.data,
      this.halfClose,
      worker,
      el("button", { type: "submit", class: "main" }, "Send bytes"),
      controls,
    );
  }

  connect() {
    this.panel.send("connect", {
      data: this.data.value,
      worker: this.worker.value,
      half_close: this.halfClose.querySelector("input").checked,
    });
  }

  drawMore() {
    const area = (name, rows, attributes) => el("textarea", { name, rows, spellcheck: "false", ...attributes });
    this.headers = area("headers", 3, { placeholder: "x-user: ann" });
    this.trailers = area("trailers", 1, { placeholder: "x-checksum: 1" });
    this.text = area("text", 3, { oninput: () => this.drawSummary() });
    this.file = el("input", {
      name: "file",
      type: "file",
      "aria-label": "body from a file",
      onchange: () => this.upload(),
    });
    this.authority = el("input", {
      name: "authority",
      placeholder: "example.com",
      "aria-label": "authority",
      spellcheck: "false",
    });
    this.http2 = checkbox("HTTP/2", false, null, { name: "http2" });
    this.optionsText = el("span");
    this.options = checkbox(this.optionsText, false, null, { name: "options" });
    this.options.title = "Send the request with these options of the request that was loaded into the form";
    this.options.hidden = true;
    this.chunking = select(
      "how the body is sent",
      [
        ["", "in one chunk"],
        ["lines", "a chunk for every line"],
        ["size", "in chunks of"],
      ],
      "",
      () => this.drawSummary(),
      { name: "chunking" },
    );
    this.step = el("input", {
      name: "step",
      type: "number",
      min: 1,
      value: 1024,
      "aria-label": "chunk size in bytes",
      oninput: () => this.drawSummary(),
    });
    this.summary = muted();
    this.curl = el("input", {
      name: "curl",
      placeholder: "curl 'http://example.com/pay' -H 'x-user: ann' -d a=1",
      spellcheck: "false",
      onkeydown: (e) => e.key === "Enter" && (e.preventDefault(), this.panel.send("curl", { line: this.curl.value })),
    });
    replace(
      this.more,
      el("label", {}, "headers, one per line", this.headers),
      el("label", {}, "body", this.text),
      el("label", {}, "trailers, one per line", this.trailers),
      el(
        "div",
        { class: "stack" },
        el(
          "div",
          { class: "line" },
          muted("or a file"),
          this.file,
          (this.dropButton = button("✕", () => this.removeFile(), { "aria-label": "remove the file", hidden: true })),
        ),
        el("div", { class: "line" }, muted("body is sent"), this.chunking, this.step, this.summary),
      ),
      el(
        "div",
        { class: "line wide" },
        el("label", { class: "inline" }, "authority", this.authority),
        this.http2,
        this.options,
      ),
      el(
        "label",
        { class: "wide" },
        "or a curl command",
        el(
          "div",
          { class: "line" },
          this.curl,
          button("Send it", () => this.panel.send("curl", { line: this.curl.value })),
        ),
      ),
    );
    this.drawSummary();
  }

  // Show how many chunks will be sent.
  drawSummary() {
    const size = this.uploaded ? this.size : new TextEncoder().encode(this.text.value).length;
    this.step.hidden = this.chunking.value !== "size";
    let summary = size ? bytes(size) : "";
    if (size && this.chunking.value === "size")
      summary = `bytes: ${plural(Math.ceil(size / Math.max(Number(this.step.value), 1)), "chunk")}`;
    else if (size && this.chunking.value === "lines" && !this.uploaded)
      summary = `${plural(this.text.value.replace(/\n$/, "").split("\n").length, "chunk")}`;
    replace(this.summary, summary);
  }

  send() {
    const chunking = this.chunking.value === "size" ? this.step.value : this.chunking.value;
    this.panel.send("send", {
      method: this.method.value,
      path: this.path.value,
      worker: this.worker.value,
      headers: this.headers.value,
      trailers: this.trailers.value,
      authority: this.authority.value,
      http2: this.http2.firstChild.checked,
      options: this.options.firstChild.checked,
      body: this.uploaded ? "" : this.text.value,
      uploaded: Boolean(this.uploaded),
      chunking,
    });
  }

  async upload() {
    const file = this.file.files[0];
    if (!file) return this.removeFile();
    if (file.size > FILE_LIMIT) {
      this.removeFile();
      return this.panel.notify(
        `${file.name} has ${bytes(file.size)}, but the panel can send at most ${bytes(FILE_LIMIT)}. Send it from a cell.`,
        true,
      );
    }
    const data = await file.arrayBuffer();
    for (let at = 0; at === 0 || at < data.byteLength; at += PART) {
      this.panel.send("upload", { first: at === 0, last: at + PART >= data.byteLength }, [data.slice(at, at + PART)]);
    }
    this.useFile(file.name, file.size);
  }

  useFile(name, size) {
    Object.assign(this, { uploaded: name, size });
    this.text.disabled = true;
    this.text.value = `body: ${name}`;
    this.dropButton.hidden = false;
    this.drawSummary();
  }

  removeFile() {
    this.uploaded = "";
    this.file.value = "";
    if (this.text.disabled) this.text.value = "";
    this.text.disabled = false;
    this.dropButton.hidden = true;
    this.drawSummary();
  }

  // Fill the form with an earlier request.
  load({ method, path, authority, headers, trailers, body, file, http2, options, data }) {
    if (data != null) {
      this.data.value = data;
      this.data.focus();
      return;
    }
    this.removeFile();
    for (const [field, value] of Object.entries({ method, path, authority, headers, trailers, text: body }))
      this[field].value = value;
    if (file) this.useFile(file, 0);
    this.http2.firstChild.checked = http2;
    this.optionsText.textContent = options;
    this.options.firstChild.checked = Boolean(options);
    this.options.hidden = !options;
    this.more.hidden = false;
    this.line.querySelector(".fold").setAttribute("aria-expanded", "true");
    this.drawSummary();
    this.path.focus();
  }
}

// A form that is sent with its button or with Enter in a field. Enter is handled here, because JupyterLab prevents the
// browser from sending the form.
function sendingForm(send) {
  const submit = (event) => {
    event.preventDefault();
    send();
  };
  return el("form", {
    class: "send",
    onsubmit: submit,
    onkeydown: (e) => e.key === "Enter" && e.target.tagName === "INPUT" && e.target.type !== "checkbox" && submit(e),
  });
}
