/** What a page may set for differential privacy, and in what words it is told. */

/**
 * Noise on every update, so that all of them together tell little about this tab's data, whoever
 * sees them (docs/differential-privacy.md).
 * @typedef {object} Privacy
 * @property {number} epsilon the budget of all rounds together; 1 is strong, 8 weak
 * @property {number} clip L2 norm that longer updates are cut to
 * @property {number} [updates] how many updates the budget is to last for; after that none is sent
 * @property {number} [noiseMultiplier] instead of `updates`: the noise in units of `clip`
 * @property {number} [delta] the chance that the promise does not hold, 1e-6 if left out
 */

const NAMES = ["epsilon", "clip", "updates", "noiseMultiplier", "delta"];

/**
 * The settings as they are, once they have been looked over; Python checks their ranges.
 * @param {unknown} privacy @returns {Privacy | null}
 */
export function privacySettings(privacy) {
  if (privacy === undefined || privacy === null) return null;
  const given = Object.entries(/** @type {object} */ (privacy)).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!NAMES.includes(name)) {
      throw new TypeError(`privacy has no setting ${name}, only ${NAMES.join(", ")}`);
    }
    if (typeof value !== "number" || !(value > 0) || value === Infinity) {
      throw new TypeError(`privacy.${name} must be a number above 0, not ${String(value)}`);
    }
  }
  const found = Object.fromEntries(given);
  for (const name of ["epsilon", "clip"]) {
    if (!(name in found)) throw new TypeError(`privacy needs ${name}`);
  }
  if (("updates" in found) === ("noiseMultiplier" in found)) {
    throw new TypeError("privacy needs either updates or noiseMultiplier");
  }
  if ("updates" in found && !Number.isInteger(found.updates)) {
    throw new TypeError(`privacy.updates must be a whole number, not ${found.updates}`);
  }
  return /** @type {any} */ (found);
}

/**
 * The settings that an attribute holds: "epsilon=8 clip=1 updates=10".
 * @param {string | null} text @returns {any} numbers by their names, null where there is no attribute
 */
export function numbers(text) {
  if (text === null) return null;
  const pairs = text.split(/[\s,;]+/).filter(Boolean).map((pair) => pair.split("="));
  return Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
}

/** "Privacy budget spent: \u03b5 = 3.2 of 8." @param {import("./shared/messages.js").PrivacyDetail} budget */
export function spentWords({ spent, epsilon, left }) {
  const more = left
    ? `${left} more ${left === 1 ? "update" : "updates"} can follow.`
    : "No further update leaves this tab; it still helps to add masks up.";
  return `Privacy budget spent: \u03b5 = ${short(spent)} of ${short(epsilon)}. ${more}`;
}

/** Rounded up, so that the words never promise more than holds. */
function short(number) {
  return String(Math.ceil(number * 100 - 1e-6) / 100);
}
