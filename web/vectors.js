// SPDX-License-Identifier: Apache-2.0
// Arithmetic on vectors. Nothing here touches the page.

// The floats of an embedding as the API sends it in base64: little-endian IEEE 754.
export function decodeFloats(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

export function cosine(a, b) {
  const length = Math.sqrt(dot(a, a) * dot(b, b));
  return length > 0 ? dot(a, b) / length : 0;
}

export function cosines(vectors) {
  return vectors.map((a) => vectors.map((b) => cosine(a, b)));
}

// The two directions of largest variance, by power iteration on the matrix of scalar products:
// texts are fewer than dimensions. Returns a point for each vector and the share of the variance
// that each axis carries.
export function principalPlane(vectors, rounds = 200) {
  const gram = centredGram(vectors);
  const total = gram.reduce((sum, row, i) => sum + row[i], 0);
  const axes = [];
  for (let axis = 0; axis < 2; axis += 1) {
    axes.push(largestEigenpair(gram, rounds, axis));
    deflate(gram, axes[axis]);
  }
  return {
    points: vectors.map((_, i) => axes.map(({ value, vector }) => Math.sqrt(value) * vector[i])),
    shares: axes.map(({ value }) => (total > 0 ? value / total : 0)),
  };
}

function centredGram(vectors) {
  const mean = Float64Array.from(vectors[0], (_, k) =>
    vectors.reduce((sum, vector) => sum + vector[k], 0) / vectors.length);
  const centred = vectors.map((vector) => Float64Array.from(vector, (x, k) => x - mean[k]));
  return centred.map((a) => Float64Array.from(centred, (b) => dot(a, b)));
}

function largestEigenpair(matrix, rounds, seed) {
  // Any start that is not orthogonal to the answer will do; the same one gives the same picture.
  let vector = Float64Array.from(matrix, (_, i) => Math.cos(1 + 2.4 * i + seed));
  let value = 0;
  for (let round = 0; round < rounds; round += 1) {
    const next = Float64Array.from(matrix, (row) => dot(row, vector));
    value = Math.sqrt(dot(next, next));
    if (value < 1e-12) return { value: 0, vector: next };
    vector = next.map((x) => x / value);
  }
  return { value, vector };
}

function deflate(matrix, { value, vector }) {
  matrix.forEach((row, i) => row.forEach((_, k) => { row[k] -= value * vector[i] * vector[k]; }));
}
