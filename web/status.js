/** Follows the coordinator: phase, round, counts, by its events or by asking every second. */

/**
 * @typedef {{ round_id: number, phase: string, counts: Record<string, number>,
 *   model_id: string | null, limits: Record<string, { min: number, max: number }>,
 *   admission?: "open" | "enrolment",
 *   last_failure: string | null }} Status
 */

/** @typedef {(Status & { reachable: true }) | { reachable: false, reason: string }} Seen */

const INTERVAL = 1000;
const TIMEOUT = 8000;
/** Events by name; the data of each is the status at that moment. */
const EVENTS = ["status", "phase", "model", "failure", "counts"];
/** A stream that tells nothing for so long may be dead: look whether the coordinator is there. */
const SILENCE = 10_000;
/** A coordinator that gave no stream is asked again after this time. */
const NO_STREAM = 60_000;

export class StatusWatcher {
  #coordinator;
  #report;
  /** @type {AbortController | undefined} */
  #abort;
  /** @type {string | null | undefined} */
  #etag;
  #streamAfter = 0;

  /**
   * @param {string} coordinator
   * @param {(seen: Seen) => void} report called with every change
   */
  constructor(coordinator, report) {
    this.#coordinator = coordinator;
    this.#report = report;
  }

  start() {
    if (this.#abort) return;
    this.#abort = new AbortController();
    this.#follow(this.#abort.signal);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  /** @param {AbortSignal} signal */
  async #follow(signal) {
    while (!signal.aborted) {
      const seen = await this.#look(signal);
      if (signal.aborted) return;
      if (seen) this.#report(seen);
      if (seen?.reachable !== false && Date.now() >= this.#streamAfter) await this.#stream(signal);
      await pause(INTERVAL, signal);
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<Seen | null>} null if nothing changed */
  async #look(signal) {
    try {
      const answer = await fetch(`${this.#coordinator}/status`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
        cache: "no-cache",
      });
      if (!answer.ok) return { reachable: false, reason: `it answered ${answer.status}` };
      const etag = answer.headers.get("etag");
      if (etag && etag === this.#etag) return null;
      this.#etag = etag;
      return { reachable: true, ...await answer.json() };
    } catch (error) {
      this.#etag = undefined;
      return { reachable: false, reason: error.message };
    }
  }

  /**
   * The coordinator's events until they end. One tab of a browser has them, the others ask: six
   * streams would use up all connections that a browser makes to one server.
   * @param {AbortSignal} signal
   */
  async #stream(signal) {
    const name = `petal events ${this.#coordinator}`;
    try {
      await navigator.locks?.request(name, { ifAvailable: true }, (lock) => lock && this.#listen(signal));
    } catch {
      this.#streamAfter = Infinity; // no locks in this frame: asking does as well
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<void>} */
  #listen(signal) {
    const source = new EventSource(`${this.#coordinator}/events`);
    this.#streamAfter = Date.now() + NO_STREAM;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(silence);
        source.close();
        signal.removeEventListener("abort", end);
        resolve();
      };
      let silence = setTimeout(end, SILENCE);
      const hear = (/** @type {MessageEvent} */ { data }) => {
        clearTimeout(silence);
        silence = setTimeout(end, SILENCE);
        this.#etag = undefined;
        this.#streamAfter = 0;
        this.#report({ reachable: true, ...JSON.parse(data) });
      };
      for (const event of EVENTS) source.addEventListener(event, hear);
      source.addEventListener("error", end);
      signal.addEventListener("abort", end);
    });
  }
}

/** @param {number} milliseconds @param {AbortSignal} signal @returns {Promise<void>} */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
