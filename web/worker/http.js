/** Requests for Python: bytes out, bytes in, nothing thrown for a status. */

/** Longest time for one request, body included. Milliseconds. */
const TIMEOUT = 120_000;

/**
 * A question that may be kept open (`prefer`) is, if no other tab of this browser has one open: a
 * browser makes six connections to a server, and all tabs share them.
 * @param {string} method @param {string} url @param {Record<string, string>} headers
 * @param {Uint8Array | undefined} body sent as a Blob: four times faster than a typed array
 * @param {number} limit a longer answer is given up unread
 * @param {AbortSignal} leaving ends a question that is kept open
 * @returns {Promise<{ status: number, headers: Record<string, string>, body: Uint8Array }>}
 *   rejects with an Error whose message says why there is no answer
 */
export async function request(method, url, headers, body, limit, leaving) {
  const { prefer, ...plain } = headers;
  const look = () => exchange(method, url, plain, body, limit);
  if (!prefer || !navigator.locks) return look();
  const wait = () => exchange(method, url, headers, body, limit, leaving);
  const name = `petal news ${new URL(url).origin}`;
  try {
    return await navigator.locks.request(name, { ifAvailable: true }, (lock) => lock ? wait() : look());
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    return look(); // no locks in this frame
  }
}

async function exchange(method, url, headers, body, limit, leaving) {
  const late = AbortSignal.timeout(TIMEOUT);
  const answer = await reach(url, {
    method,
    headers,
    signal: leaving ? AbortSignal.any([leaving, late]) : late,
    // The browser revalidates what it keeps; who names a tag asks the coordinator and nobody else.
    cache: headers["if-none-match"] ? "no-store" : "no-cache",
    ...(body && { body: blob(body) }),
  });
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await bounded(answer, limit),
  };
}

/** @param {any} body */
function blob(body) {
  return new Blob([body]);
}

async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    const why = error.name === "TimeoutError"
      ? `did not answer within ${TIMEOUT / 1000} s`
      : "cannot be reached: it is down, the connection is, or it does not admit this page's origin";
    throw new Error(`The coordinator at ${new URL(url).origin} ${why}`);
  }
}

async function bounded(answer, limit) {
  const chunks = [];
  let length = 0;
  for await (const chunk of readable(answer)) {
    length += chunk.length;
    if (length > limit) throw new Error(`The coordinator's answer is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) body.set(chunk, (end += chunk.length) - chunk.length);
  return body;
}

/** The body's chunks; leaving the loop early cancels the download. */
async function* readable(answer) {
  const reader = answer.body?.getReader();
  if (!reader) return;
  try {
    for (let part; !(part = await reader.read()).done;) yield part.value;
  } finally {
    await reader.cancel().catch(() => {}); // after a broken connection there is nothing to cancel
  }
}
