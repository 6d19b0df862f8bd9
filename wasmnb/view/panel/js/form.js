// ── sending: method, path, headers, a body as text, file or chunks, trailers; or a curl command ─────────────────────

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const PART = 4 << 20; // bytes of a file in one message: servers refuse those above ten megabytes
const LARGEST = 64 << 20;

class Form {
  constructor(ui) {
    this.ui = ui;
    this.uploaded = "";
    this.line = el("form", { class: "send", onsubmit: (e) => { e.preventDefault(); this.send(); } });
    this.more = el("div", { class: "more", hidden: true });
    this.settings = el("div", { class: "more controls", hidden: true });
    this.nodes = [this.line, this.more, this.settings];
    this.draw(0);
  }

  draw(workers) {
    const fold = (text, node) => button(text, (e) => { node.hidden = !node.hidden; e.target.setAttribute("aria-expanded", String(!node.hidden)); }, { "aria-expanded": String(!node.hidden), class: "fold" });
    const kept = this.worker ? this.worker.value : "";
    this.method = this.method || el("input", { name: "method", value: "GET", list: `${this.ui.uid}-methods`, "aria-label": "method", spellcheck: "false", size: 7 });
    this.path = this.path || el("input", { name: "path", value: "/", "aria-label": "path", spellcheck: "false" });
    this.worker = select("worker", [["", "any worker"], ...Array.from({ length: workers }, (_, i) => [i + 1, `worker-${i + 1}`])], kept, null, { name: "worker" });
    replace(this.line, this.method, el("datalist", { id: `${this.ui.uid}-methods` }, METHODS.map((m) => el("option", { value: m }))), this.path, this.worker,
      el("button", { type: "submit", class: "main" }, "Send"), fold("more", this.more), fold("controls", this.settings));
    if (!this.headers) this.drawMore();
  }

  drawMore() {
    const area = (name, rows, more) => el("textarea", { name, rows, spellcheck: "false", ...more });
    this.headers = area("headers", 3, { placeholder: "x-user: ann" });
    this.trailers = area("trailers", 1, { placeholder: "x-checksum: 1" });
    this.text = area("text", 3, { oninput: () => this.sizes() });
    this.file = el("input", { name: "file", type: "file", "aria-label": "body from a file", onchange: () => this.upload() });
    this.authority = el("input", { name: "authority", placeholder: "example.com", "aria-label": "authority", spellcheck: "false" });
    this.http2 = checkbox("HTTP/2", false, null, { name: "http2" });
    this.pieces = select("how the body is sent", [["", "in one piece"], ["lines", "a chunk for every line"], ["size", "in chunks of"]], "", () => this.sizes(), { name: "pieces" });
    this.step = el("input", { name: "step", type: "number", min: 1, value: 1024, "aria-label": "bytes of a chunk", oninput: () => this.sizes() });
    this.said = muted();
    this.curl = el("input", { name: "curl", placeholder: "curl 'http://example.com/pay' -H 'x-user: ann' -d a=1", spellcheck: "false",
      onkeydown: (e) => e.key === "Enter" && (e.preventDefault(), this.ui.ask("curl", { line: this.curl.value })) });
    replace(this.more,
      el("label", {}, "headers, one a line", this.headers), el("label", {}, "body", this.text),
      el("label", {}, "trailers, one a line", this.trailers),
      el("div", { class: "stack" }, el("div", { class: "line" }, muted("or a file"), this.file, this.dropped = button("✕", () => this.forget(), { "aria-label": "no file", hidden: true })),
        el("div", { class: "line" }, muted("body is sent"), this.pieces, this.step, this.said)),
      el("div", { class: "line wide" }, el("label", { class: "inline" }, "authority", this.authority), this.http2),
      el("label", { class: "wide" }, "or a curl command", el("div", { class: "line" }, this.curl, button("Send it", () => this.ui.ask("curl", { line: this.curl.value })))));
    this.sizes();
  }

  // The chunks that will be sent, so that they are no surprise.
  sizes() {
    const size = this.uploaded ? this.size : new TextEncoder().encode(this.text.value).length;
    this.step.hidden = this.pieces.value !== "size";
    let said = size ? bytes(size) : "";
    if (size && this.pieces.value === "size") said = `bytes: ${plural(Math.ceil(size / Math.max(Number(this.step.value), 1)), "chunk")}`;
    else if (size && this.pieces.value === "lines" && !this.uploaded) said = `${plural(this.text.value.replace(/\n$/, "").split("\n").length, "chunk")}`;
    replace(this.said, said);
  }

  send() {
    const how = this.pieces.value === "size" ? this.step.value : this.pieces.value;
    this.ui.ask("send", { method: this.method.value, path: this.path.value, worker: this.worker.value, headers: this.headers.value, trailers: this.trailers.value,
      authority: this.authority.value, http2: this.http2.firstChild.checked, body: this.uploaded ? "" : this.text.value, uploaded: Boolean(this.uploaded), pieces: how });
  }

  async upload() {
    const file = this.file.files[0];
    if (!file) return this.forget();
    if (file.size > LARGEST) {
      this.forget();
      return this.ui.say(`${file.name} has ${bytes(file.size)}: more than ${bytes(LARGEST)} have to be sent from a cell`, true);
    }
    const data = await file.arrayBuffer();
    for (let at = 0; at === 0 || at < data.byteLength; at += PART) {
      this.ui.ask("upload", { first: at === 0, last: at + PART >= data.byteLength }, [data.slice(at, at + PART)]);
    }
    this.use(file.name, file.size);
  }

  use(name, size) {
    Object.assign(this, { uploaded: name, size });
    this.text.disabled = true;
    this.text.value = `the body is ${name}`;
    this.dropped.hidden = false;
    this.sizes();
  }

  forget() {
    this.uploaded = "";
    this.file.value = "";
    if (this.text.disabled) this.text.value = "";
    this.text.disabled = false;
    this.dropped.hidden = true;
    this.sizes();
  }

  // A request that was sent before, to be changed.
  take({ method, path, authority, headers, trailers, body, file }) {
    this.forget();
    Object.assign(this.method, { value: method });
    Object.assign(this.path, { value: path });
    Object.assign(this.authority, { value: authority });
    Object.assign(this.headers, { value: headers });
    Object.assign(this.trailers, { value: trailers });
    Object.assign(this.text, { value: body });
    if (file) this.use(file, 0);
    this.more.hidden = false;
    this.line.querySelector(".fold").setAttribute("aria-expanded", "true");
    this.sizes();
    this.path.focus();
  }
}
