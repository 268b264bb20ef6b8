/** A cubic curve, y = a + bx + cx² + dx³, fitted by gradient descent. */

const STEPS = 400;
const RATE = 0.2;

/** @param {string} text @returns {[number, number][]} */
export function parse(text) {
  return text.trim().split("\n").map((line, index) => {
    const [x, y, ...more] = line.trim().split(/\s+/).map(Number);
    if (!(Math.abs(x) <= 1 && Math.abs(y) <= 1) || more.length) {
      throw new Error(`Line ${index + 1} of your points is not two numbers from -1 to 1`);
    }
    return [x, y];
  });
}

/** One participant's share: from the common curve towards its own points. */
export async function fit(model, points, { signal, progress }) {
  const weights = model?.slice() ?? new Float32Array(4);
  for (let step = 0; step < STEPS; step += 1) {
    if (step % 100 === 0) await breathe(signal, () => progress(step, STEPS));
    const slope = new Float32Array(4);
    for (const [x, y] of points) {
      const powers = [1, x, x * x, x ** 3];
      const error = powers.reduce((sum, power, i) => sum + power * weights[i], -y);
      powers.forEach((power, i) => (slope[i] += error * power / points.length));
    }
    slope.forEach((value, i) => (weights[i] -= RATE * value));
  }
  return weights;
}

/** Let the page draw, unless nobody looks; stop where the weights are no longer wanted. */
async function breathe(signal, tell) {
  signal.throwIfAborted();
  tell();
  if (!document.hidden) await new Promise((resolve) => setTimeout(resolve)); // or it stands still
}

export function formula(weights) {
  return Array.from(weights, (value, i) => `${value.toFixed(2)}${["", "x", "x²", "x³"][i]}`).join(" + ");
}
