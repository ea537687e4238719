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

// target += factor * vector
function addScaled(target, factor, vector) {
  for (let i = 0; i < target.length; i += 1) target[i] += factor * vector[i];
}

export function cosine(a, b) {
  const length = Math.sqrt(dot(a, a) * dot(b, b));
  return length > 0 ? dot(a, b) / length : 0;
}

export function cosines(vectors) {
  return vectors.map((a) => vectors.map((b) => cosine(a, b)));
}

// For each vector the one that is closest to it, { index, score }, and the `most` closest pairs of
// all, [{ first, second, score }], closest first.
export function closest(vectors, most) {
  const lengths = vectors.map((vector) => Math.sqrt(dot(vector, vector)) || 1);
  const nearest = vectors.map(() => ({ index: -1, score: -Infinity }));
  const pairs = [];
  for (let i = 0; i < vectors.length; i += 1) {
    for (let k = i + 1; k < vectors.length; k += 1) {
      const score = dot(vectors[i], vectors[k]) / (lengths[i] * lengths[k]);
      if (score > nearest[i].score) nearest[i] = { index: k, score };
      if (score > nearest[k].score) nearest[k] = { index: i, score };
      if (pairs.length < most || score > pairs.at(-1).score) {
        pairs.push({ first: i, second: k, score });
        pairs.sort((a, b) => b.score - a.score);
        if (pairs.length > most) pairs.pop();
      }
    }
  }
  return { nearest, pairs };
}

// The two directions of largest variance, by power iteration. Returns a point for each vector and
// the share of the variance that each axis carries. The same vectors give the same picture.
export function principalPlane(vectors, rounds = 100) {
  const rows = centred(vectors);
  const total = rows.reduce((sum, row) => sum + dot(row, row), 0);
  const axes = [];
  while (axes.length < 2) axes.push(largestDirection(rows, axes, rounds));
  const places = axes.map((axis) => project(rows, axis));
  return {
    points: vectors.map((_, i) => places.map((place) => place[i])),
    shares: places.map((place) => (total > 0 ? dot(place, place) / total : 0)),
  };
}

function centred(vectors) {
  const mean = new Float64Array(vectors[0].length);
  for (const vector of vectors) addScaled(mean, 1 / vectors.length, vector);
  return vectors.map((vector) => Float64Array.from(vector, (x, k) => x - mean[k]));
}

const project = (rows, axis) => Float64Array.from(rows, (row) => dot(row, axis));

// The direction of length 1 with the largest variance among those at right angles to `others`.
// All zeros where there is no variance left.
function largestDirection(rows, others, rounds) {
  let axis = Float64Array.from(rows[0], (_, k) => Math.cos(1 + 2.4 * k + others.length));
  for (let round = 0, moved = 1; round < rounds && moved > 1e-5; round += 1) {
    const next = new Float64Array(axis.length);
    project(rows, axis).forEach((weight, i) => addScaled(next, weight, rows[i]));
    for (const other of others) addScaled(next, -dot(next, other), other);
    const length = Math.sqrt(dot(next, next));
    if (length < 1e-12) return new Float64Array(axis.length);
    moved = 0;
    next.forEach((x, k) => {
      next[k] = x / length;
      moved = Math.max(moved, Math.abs(next[k] - axis[k]));
    });
    axis = next;
  }
  return axis;
}
