/**
 * Why a message was not taken and what happens next; empty where it was taken.
 * @param {import("./shared/messages.js").MessageDetail | undefined} message
 */
export function refusal(message: import("./shared/messages.js").MessageDetail | undefined): string;
/** A warning as a sentence; an address stays as it is. @param {string} message */
export function sentence(message: string): string;
