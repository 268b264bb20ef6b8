export class StatusWatcher {
    /**
     * @param {string} coordinator
     * @param {(status: (Status & { reachable: true }) | { reachable: false, reason: string }) => void}
     *   report called with every change
     */
    constructor(coordinator: string, report: (status: (Status & {
        reachable: true;
    }) | {
        reachable: false;
        reason: string;
    }) => void);
    start(): void;
    stop(): void;
    #private;
}
export type Status = {
    round_id: number;
    phase: string;
    counts: Record<string, number>;
    model_id: string | null;
    limits: Record<string, {
        min: number;
        max: number;
    }>;
    last_failure: string | null;
};
