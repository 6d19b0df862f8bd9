// The connection to the kernel: sends actions, counts pending ones, and detects a busy or dead kernel.

const BUSY_AFTER = 700; // milliseconds without a reply, after which the kernel counts as busy
const IDLE_CHECKS = 5; // number of checks without a reply, after which an idle kernel counts as a different kernel

export class KernelLink {
  // `onChange` is called when `busy` or `gone` changes.
  constructor(model, onChange) {
    Object.assign(this, { model, onChange, pending: 0, busy: false, gone: false });
    this.watchSession();
  }

  send(action, values = {}, buffers) {
    this.pending += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.checkBusy(), BUSY_AFTER);
    this.model.send({ action, ...values }, undefined, buffers);
  }

  // Called when the kernel has finished an action.
  finishAction() {
    if (this.pending < 1) return;
    this.pending -= 1;
    if (!this.busy) return;
    this.busy = this.pending > 0;
    this.onChange();
  }

  // A kernel that doesn't reply is running a cell. If it stays idle, it isn't the kernel that created the panel.
  checkBusy(idleChecks = 0) {
    if (this.pending < 1) return;
    const kernel = this.session && this.session.session && this.session.session.kernel;
    const idle = Boolean(kernel) && kernel.status === "idle";
    if (idle && idleChecks >= IDLE_CHECKS) return this.markGone();
    if (idle) this.timer = setTimeout(() => this.checkBusy(idleChecks + 1), BUSY_AFTER);
    this.busy = true;
    this.onChange();
  }

  markGone() {
    Object.assign(this, { gone: true, busy: false, pending: 0 });
    this.onChange();
  }

  markAlive() {
    if (!this.gone) return;
    this.gone = false;
    this.onChange();
  }

  // JupyterLab and Notebook report when a kernel has been shut down or replaced. Widgets are only notified of restarts.
  watchSession() {
    const { context } = this.model.widget_manager || {};
    const session = context && context.sessionContext;
    if (!session || !session.kernelChanged || !session.statusChanged) return;
    const onKernel = (_, { oldValue, newValue }) =>
      oldValue && (!newValue || newValue.id !== oldValue.id) && this.markGone();
    const onStatus = (_, status) => status === "dead" && this.markGone();
    this.session = session;
    session.kernelChanged.connect(onKernel);
    session.statusChanged.connect(onStatus);
    this.unwatch = () => {
      session.kernelChanged.disconnect(onKernel);
      session.statusChanged.disconnect(onStatus);
    };
    // `onChange` isn't called here, because the panel is being created and draws the state itself.
    if (session.isReady && !(session.session && session.session.kernel)) this.gone = true;
  }

  close() {
    clearTimeout(this.timer);
    if (this.unwatch) this.unwatch();
  }
}
