/** @param {State} state @returns {{ said: string, does: string }} and what the button does */
export function words(state: State): {
    said: string;
    does: string;
};
/** What it is doing just now. @param {State} state @param {Record<string, any>} heard */
export function detail(state: State, { role, progress, message, warning }: Record<string, any>): string;
/** How much is done of what takes long, 0 to 1; null where nothing does. @param {State} state */
export function share(state: State, progress: any): number | null;
export type State = import("./shared/messages.js").State;
