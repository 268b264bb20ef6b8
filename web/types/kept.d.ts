export class Kept {
    /** @param {string} coordinator @param {string | true} persist a name, or true: this tab's own */
    constructor(coordinator: string, persist: string | true);
    /** @returns {import("./shared/messages.js").Keep} */
    keep(): import("./shared/messages.js").Keep;
    /** This tab is a copy of another one, name included: it goes by a name of its own from now on. */
    moved(key: any): void;
    /** Whether it was cut off while taking part; false where this browser keeps nothing. */
    interrupted(): Promise<boolean>;
    forget(): Promise<void>;
    #private;
}
