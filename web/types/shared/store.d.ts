export class Store {
    /** Rejects with the reason where this browser keeps nothing (private mode, a foreign frame). */
    static open(): Promise<Store>;
    /** @param {IDBDatabase} database */
    constructor(database: IDBDatabase);
    /** @param {string} key @returns {Promise<Saved & { progress?: Uint8Array } | undefined>} */
    get(key: string): Promise<(Saved & {
        progress?: Uint8Array;
    }) | undefined>;
    /** Resolves when it is written. @param {string} key @param {Saved} saved */
    put(key: string, saved: Saved): Promise<void>;
    /** Resolves when it is written. @param {string} key @param {Progress} since the last `put` */
    advance(key: string, since: Progress): Promise<void>;
    /** @param {string} key */
    delete(key: string): Promise<void>;
    /** Forget what begins with `prefix` and is older than `age` milliseconds. */
    prune(prefix: any, age: any): Promise<void>;
    close(): void;
    #private;
}
/**
 * `running`: it was not told to leave. `at` is when, in milliseconds since 1970.
 */
export type Saved = {
    snapshot: Uint8Array;
    running: boolean;
    at: number;
};
/**
 * how far the message in the snapshot is sent: a record of its own, because a snapshot may be
 * megabytes and a message hundreds of parts
 */
export type Progress = {
    progress: Uint8Array;
    at: number;
};
