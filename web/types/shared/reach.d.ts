/**
 * For `fetch`: an address with a hash in it changes with the content; of any other the browser may
 * hold an old copy, so that it has to ask.
 * @param {string | URL} url
 * @returns {RequestInit}
 */
export function caching(url: string | URL): RequestInit;
/**
 * A response that is a success, or an error that names the file.
 * @param {string | URL} url
 */
export function reach(url: string | URL): Promise<Response>;
/** @param {string | URL} url @param {{ status: number, statusText: string }} answer */
export function refused(url: string | URL, { status, statusText }: {
    status: number;
    statusText: string;
}): LoadError;
/** Asks a server for a file, and says what is wrong where it does not give it. */
export const ADVICE: "Check the connection and reload the page.";
export class LoadError extends Error {
}
