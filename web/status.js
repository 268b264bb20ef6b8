/** Follows the coordinator's /status: phase, round, counts. */

/**
 * @typedef {{ round_id: number, phase: string, counts: Record<string, number>,
 *   model_id: string | null, limits: Record<string, { min: number, max: number }>,
 *   last_failure: string | null }} Status
 */

const INTERVAL = 1000;
const TIMEOUT = 8000;

export class StatusWatcher {
  #url;
  #report;
  #timer;
  #abort;
  #etag;

  /**
   * @param {string} coordinator
   * @param {(status: (Status & { reachable: true }) | { reachable: false, reason: string }) => void}
   *   report called with every change
   */
  constructor(coordinator, report) {
    this.#url = `${coordinator}/status`;
    this.#report = report;
  }

  start() {
    if (this.#abort) return;
    this.#abort = new AbortController();
    this.#poll(this.#abort.signal);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = undefined;
    clearTimeout(this.#timer);
  }

  async #poll(signal) {
    const status = await this.#look(signal);
    if (signal.aborted) return;
    if (status) this.#report(status);
    this.#timer = setTimeout(() => this.#poll(signal), INTERVAL);
  }

  async #look(signal) {
    try {
      const answer = await fetch(this.#url, {
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
}
