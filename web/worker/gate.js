/** Closed while the participant is paused. */
export class Gate {
  closed = false;
  /** Resolves when the gate is open. */
  passed = Promise.resolve();
  #open = () => {};

  close() {
    if (this.closed) return;
    this.closed = true;
    this.passed = new Promise((resolve) => (this.#open = resolve));
  }

  open() {
    this.closed = false;
    this.#open();
  }
}
