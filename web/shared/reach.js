/** Asks a server for a file, and says what is wrong where it does not give it. */

export const ADVICE = "Check the connection and reload the page.";

export class LoadError extends Error {
  name = "LoadError";
}

const LASTING = /\/@[0-9a-f]{16}\//;

/**
 * For `fetch`: an address with a hash in it changes with the content; of any other the browser may
 * hold an old copy, so that it has to ask.
 * @param {string | URL} url
 * @returns {RequestInit}
 */
export function caching(url) {
  return { cache: LASTING.test(String(url)) ? "default" : "no-cache" };
}

/**
 * A response that is a success, or an error that names the file.
 * @param {string | URL} url
 */
export async function reach(url) {
  let answer;
  try {
    answer = await fetch(url, caching(url));
  } catch (cause) {
    throw new LoadError(`${url} could not be reached (${cause.message}). ${ADVICE}`);
  }
  if (!answer.ok) throw refused(url, answer);
  return answer;
}

/** @param {string | URL} url @param {{ status: number, statusText: string }} answer */
export function refused(url, { status, statusText }) {
  return new LoadError(`${url} answered ${status} ${statusText}. ` +
    "Whoever runs the server must check it, or run `python web/fetch_vendor.py` there.");
}
