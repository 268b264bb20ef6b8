export class StatusWatcher {
    /**
     * @param {string} coordinator
     * @param {(seen: Seen) => void} report called with every change
     */
    constructor(coordinator: string, report: (seen: Seen) => void);
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
    admission?: "open" | "enrolment";
    last_failure: string | null;
};
export type Seen = (Status & {
    reachable: true;
}) | {
    reachable: false;
    reason: string;
};
