/**
 * The settings as they are, once they have been looked over; Python checks their ranges.
 * @param {unknown} privacy @returns {Privacy | null}
 */
export function privacySettings(privacy: unknown): Privacy | null;
/**
 * The settings that an attribute holds: "epsilon=8 clip=1 updates=10".
 * @param {string | null} text @returns {any} numbers by their names, null where there is no attribute
 */
export function numbers(text: string | null): any;
/** "Privacy budget spent: \u03b5 = 3.2 of 8." @param {import("./shared/messages.js").PrivacyDetail} budget */
export function spentWords({ spent, epsilon, left }: import("./shared/messages.js").PrivacyDetail): string;
/**
 * Noise on every update, so that all of them together tell little about this tab's data, whoever
 * sees them (docs/differential-privacy.md).
 */
export type Privacy = {
    /**
     * the budget of all rounds together; 1 is strong, 8 weak
     */
    epsilon: number;
    /**
     * L2 norm that longer updates are cut to
     */
    clip: number;
    /**
     * how many updates the budget is to last for; after that none is sent
     */
    updates?: number | undefined;
    /**
     * instead of `updates`: the noise in units of `clip`
     */
    noiseMultiplier?: number | undefined;
    /**
     * the chance that the promise does not hold, 1e-6 if left out
     */
    delta?: number | undefined;
};
