/**
 * A network of 2, 16 and 1 units: is a point inside the ring? TensorFlow.js is the global `tf`.
 *
 * What the rounds average is all of the network's weights, one after the other: 65 numbers.
 */

const STEPS = 300;

/** Points of the square from -1 to 1. @returns {{ xs: number[][], ys: number[][] }} */
export function points(count) {
  const xs = Array.from({ length: count }, () => [2 * Math.random() - 1, 2 * Math.random() - 1]);
  return { xs, ys: xs.map(([x, y]) => [Number(Math.abs(Math.hypot(x, y) - 0.55) < 0.25)]) };
}

/** One participant's share of a round: from the common weights to new ones. */
export async function train(model, { xs, ys }, { signal, progress }) {
  const net = network(model);
  const [inputs, labels] = [tf.tensor(xs), tf.tensor(ys)];
  try {
    for (let step = 0; step < STEPS; step += 1) {
      await net.trainOnBatch(inputs, labels);
      if (step % 30 === 0) await breathe(signal, () => progress(step, STEPS));
    }
    return flat(net);
  } finally {
    tf.dispose([inputs, labels]);
    forget(net);
  }
}

/** The share of points that the weights have right. */
export function accuracy(weights, { xs, ys }) {
  const net = network(weights);
  const said = tf.tidy(() => net.predict(tf.tensor(xs)).dataSync());
  forget(net);
  return ys.filter(([label], i) => (said[i] > 0.5) === (label === 1)).length / ys.length;
}

/** @param {Float32Array | null} weights null before the first round: all begin with the same ones */
function network(weights) {
  const layer = (units, activation, seed, more) => tf.layers.dense({
    units, activation, kernelInitializer: tf.initializers.glorotUniform({ seed }), ...more,
  });
  const net = tf.sequential({
    layers: [layer(16, "tanh", 1, { inputShape: [2] }), layer(1, "sigmoid", 2)],
  });
  net.compile({ optimizer: tf.train.adam(0.05), loss: "binaryCrossentropy" });
  if (weights) fill(net, weights);
  return net;
}

function flat(net) {
  return Float32Array.from(net.getWeights().flatMap((part) => Array.from(part.dataSync())));
}

function fill(net, weights) {
  let end = 0;
  const parts = net.getWeights().map(({ shape, size }) =>
    tf.tensor(weights.slice(end, (end += size)), shape));
  net.setWeights(parts);
  tf.dispose(parts);
}

/** TensorFlow.js frees nothing by itself. */
function forget(net) {
  net.optimizer.dispose();
  net.dispose();
}

/** Let the page draw, unless nobody looks: a hidden tab's timers and frames nearly stand still. */
async function breathe(signal, tell) {
  signal.throwIfAborted();
  tell();
  if (!document.hidden) await new Promise((resolve) => setTimeout(resolve));
}
