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
export function enrolAt(url: string | null): EnrolFunction | undefined;
/**
 * Gives an enrolment token for this participant's public key (64 hexadecimal digits), or null if
 * it is not to take part. After what it throws it is asked again, with growing delays.
 */
export type EnrolFunction = (publicKey: string) => string | null | Promise<string | null>;
