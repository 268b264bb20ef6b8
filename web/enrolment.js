/** Where an app's participants get the tokens that a coordinator may ask for. */

/**
 * Gives an enrolment token for this participant's public key (64 hexadecimal digits), or null if
 * it is not to take part. After what it throws it is asked again, with growing delays.
 * @typedef {(publicKey: string) => string | null | Promise<string | null>} EnrolFunction
 */

/**
 * A token from an address of the app's own, to which the public key is posted.
 * @param {string | null} url 401 or 403 from it mean: not this one
 * @returns {EnrolFunction | undefined}
 */
export function enrolAt(url) {
  if (!url) return undefined;
  return async (publicKey) => {
    const answer = await fetch(url, { method: "POST", body: publicKey });
    if (answer.status === 401 || answer.status === 403) return null;
    if (!answer.ok) throw new Error(`${url} answered ${answer.status} to who wants to enrol`);
    return answer.text();
  };
}
