// SPDX-License-Identifier: Apache-2.0
// Attention of one head on the products of gemm_*.cc: keys are packed as the weights of a product
// whose outputs are the scores, values as those of a product whose inputs are the softmax.
#include "ops/kernels/halves.h"
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/lanes.h"
#include "ops/kernels/math.h"

namespace nestvec::NESTVEC_ISA {
namespace {

// Keys of a step of the streamed softmax: the scores of a block of queries stay in the first cache
// levels.
constexpr size_t kStepKeys = 128;

// Weights are relative to the greatest score of the first step, until a score exceeds it by this
// much, in powers of two: floating point is as exact for large weights as for small ones.
constexpr float kSlack = 16.0f;

constexpr float kLog2E = 1.44269504f;

constexpr size_t round_up(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// The product of a type, its inputs a step, and what its k has to be a multiple of.
template <class T>
struct Product;

template <>
struct Product<float> {
  static constexpr size_t kGroup = 1;
  static constexpr size_t kMultiple = 8;
  static void run(const PanelProduct<float, float, float>& p) { gemm_f32(p); }
};

template <>
struct Product<uint16_t> {
  static constexpr size_t kGroup = 2;
  static constexpr size_t kMultiple = 32;
  static void run(const PanelProduct<uint16_t, uint16_t, float>& p) { gemm_bf16(p); }
};

float as_float(float x) { return x; }
float as_float(uint16_t x) { return widen(x); }

void put_some(Floats x, float* out, size_t n) { store_some(out, x, n); }
void put_some(Floats x, uint16_t* out, size_t n) { store_some(out, to_halves(x), n); }

template <class T>
void put(Floats x, T* out) {
  put_some(x, out, kLanes);
}

// The angles of one position, or none.
struct Rotation {
  const float* cos;
  const float* sin;
};

Rotation rotation_at(const float* cos, const float* sin, size_t position, size_t width) {
  if (cos == nullptr) return {nullptr, nullptr};
  return {cos + position * (width / 2), sin + position * (width / 2)};
}

// One row of a head, scaled: [width rounded up to 32], zeros behind its end.
template <class T>
void read_row(const T* x, size_t width, float scale, float* out) {
  size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) store(out + i, load(x + i) * scale);
  for (; i < width; ++i) out[i] = as_float(x[i]) * scale;
  for (; i < round_up(width, kPanel); ++i) out[i] = 0.0f;
}

// Turns the halves of a row of `width` against each other.
void rotate_row(const Rotation& rotation, size_t width, float* x) {
  const size_t half = width / 2;
  size_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    const Floats a = load(x + i);
    const Floats b = load(x + half + i);
    const Floats cos = load(rotation.cos + i);
    const Floats sin = load(rotation.sin + i);
    store(x + i, a * cos - b * sin);
    store(x + half + i, b * cos + a * sin);
  }
  for (; i < half; ++i) {
    const float a = x[i];
    const float b = x[i + half];
    x[i] = a * rotation.cos[i] - b * rotation.sin[i];
    x[i + half] = b * rotation.cos[i] + a * rotation.sin[i];
  }
}

// x / sqrt(mean(x^2) + eps) * weight * scale, of a row with zeros behind its end.
void normalise_row(const HeadNorm& norm, size_t width, float scale, float* x) {
  Floats squares{};
  for (size_t i = 0; i < round_up(width, kPanel); i += kLanes) squares += load(x + i) * load(x + i);
  const float mean = sum(squares) / static_cast<float>(width);
  const float factor = scale / __builtin_sqrtf(mean + norm.eps);
  size_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    store(x + i, load(x + i) * factor * load(norm.weight + i));
  }
  for (; i < width; ++i) x[i] = x[i] * factor * norm.weight[i];
}

// What is done to a row of queries or keys on its way.
struct RowChange {
  HeadNorm norm;
  Rotation rotation;
  float scale;
};

template <class T>
void read_row(const T* x, size_t width, const RowChange& change, float* out) {
  const bool normalises = change.norm.weight != nullptr;
  read_row(x, width, normalises ? 1.0f : change.scale, out);
  if (normalises) normalise_row(change.norm, width, change.scale, out);
  if (change.rotation.cos != nullptr) rotate_row(change.rotation, width, out);
}

// n values, n a multiple of 32.
template <class T>
void put_row(const float* x, size_t n, T* out) {
  for (size_t i = 0; i < n; i += kLanes) put(load(x + i), out + i);
}

// 32 rows [32, depth] as a panel: [depth / group][32][group].
template <class T>
void put_panel(const T* rows, size_t depth, T* panel) {
  constexpr size_t kGroup = Product<T>::kGroup;
  for (size_t i = 0; i < depth; i += kGroup) {
    for (size_t key = 0; key < kPanel; ++key) {
      for (size_t g = 0; g < kGroup; ++g) *panel++ = rows[key * depth + i + g];
    }
  }
}

template <class T>
void pack_keys(const PackKeysValues<T>& p, size_t first) {
  const size_t width = p.shape.width;
  const size_t depth = round_up(width, kPanel);
  T rows[kPanel * kMaxHeadWidth];
  for (size_t i = 0; i < kPanel; ++i) {
    float row[kMaxHeadWidth] = {};
    const size_t key = first + i;
    if (key < p.shape.keys) {
      read_row(p.k + key * p.stride, width, {p.norm, rotation_at(p.cos, p.sin, key, width), 1.0f},
               row);
    }
    put_row(row, depth, rows + i * depth);
  }
  put_panel(rows, depth, p.packed_k + first * depth);
}

// 32 columns of the values of one step, side by side.
void put_step(const float (&values)[1][kMaxHeadWidth], size_t column, float* out) {
  __builtin_memcpy(out, values[0] + column, kPanel * sizeof *out);
}
void put_step(const uint16_t (&values)[2][kMaxHeadWidth], size_t column, uint16_t* out) {
  for (size_t i = 0; i < kPanel; i += kLanes) {
    const Words first = to_words(load_halves(values[0] + column + i));
    const Words second = to_words(load_halves(values[1] + column + i));
    const Words pairs = first | second << 16;
    __builtin_memcpy(out + 2 * i, &pairs, sizeof pairs);
  }
}

// The values of a step's keys, from `key` on, into their places of every panel; zeros where there
// are none.
template <class T>
void pack_values(const PackKeysValues<T>& p, size_t key) {
  constexpr size_t kGroup = Product<T>::kGroup;
  const size_t width = p.shape.width;
  const size_t panel = round_up(p.shape.keys, kKeyBlock) * kPanel;
  T values[kGroup][kMaxHeadWidth] = {};
  for (size_t g = 0; g < kGroup && key + g < p.shape.keys; ++g) {
    __builtin_memcpy(values[g], p.v + (key + g) * p.stride, width * sizeof(T));
  }
  T* out = p.packed_v + key * kPanel;
  for (size_t column = 0; column < width; column += kPanel, out += panel) {
    put_step(values, column, out);
  }
}

// Rows [first, first + count) of keys or values, as far as there are any.
template <class T>
void fetch_rows(const PackKeysValues<T>& p, const T* x, size_t first, size_t count) {
  const size_t end = first + count < p.shape.keys ? first + count : p.shape.keys;
  for (size_t i = first; i < end; ++i) fetch(x + i * p.stride, p.shape.width * sizeof(T));
}

template <class T>
void pack(const PackKeysValues<T>& p) {
  const size_t end = round_up(p.first + p.count, kPanel);
  fetch_rows(p, p.k, p.first, kPanel);
  for (size_t key = p.first; key < end; key += kPanel) {
    fetch_rows(p, p.v, key, kPanel);
    fetch_rows(p, p.k, key + kPanel, kPanel);
    pack_keys(p, key);
    for (size_t i = 0; i < kPanel; i += Product<T>::kGroup) pack_values(p, key + i);
  }
}

// A block of queries against the keys that they see.
template <class T>
class Attention {
  static constexpr bool kExact = sizeof(T) == sizeof(float);

 public:
  explicit Attention(const AttendQueries<T>& a) : a_(a), depth_(round_up(a.shape.width, kPanel)) {}

  void run() {
    fetch_rows();
    for (size_t i = 0; i < a_.count; ++i) {
      float row[kMaxHeadWidth];
      const Rotation rotation = rotation_at(a_.cos, a_.sin, a_.first + i, a_.shape.width);
      read_row(a_.q + i * a_.stride, a_.shape.width, {a_.norm, rotation, a_.scale * kLog2E}, row);
      put_row(row, depth_, queries_ + i * depth_);
      store(sums_[i], Floats{});
    }
    // Every query sees a key of the first step: the block's own rows end before the step does.
    const size_t begin = seen_by(0).begin / kPanel * kPanel;
    const size_t end = seen_by(a_.count - 1).end;
    for (size_t key = begin; key < end; key += kStepKeys) {
      const size_t rest = end - key;
      step(key, rest < kStepKeys ? rest : kStepKeys, key == begin);
    }
    for (size_t i = 0; i < a_.count; ++i) {
      const Floats factor = broadcast(1.0f / sum(load(sums_[i])));
      for (size_t j = 0; j < a_.shape.width; j += kLanes) {
        put_some(load(out(i, j)) * factor, a_.out + i * a_.out_stride + j, a_.shape.width - j);
      }
    }
  }

 private:
  // This block's results and the next one's queries.
  void fetch_rows() const {
    for (size_t i = 0; i < a_.count; ++i) {
      fetch_to_write(a_.out + i * a_.out_stride, a_.shape.width * sizeof *a_.out);
      if (a_.first + a_.count + i >= a_.shape.keys) continue;
      fetch(a_.q + (a_.count + i) * a_.stride, a_.shape.width * sizeof *a_.q);
    }
  }

  // The keys that query i sees.
  struct Keys {
    size_t begin;
    size_t end;
  };
  Keys seen_by(size_t i) const {
    const size_t position = a_.first + i;
    const size_t rest = a_.shape.keys - position;
    return {position > a_.before ? position - a_.before : 0,
            rest > a_.behind ? position + a_.behind + 1 : a_.shape.keys};
  }

  void step(size_t key, size_t count, bool first) {
    const size_t panels = (count + kPanel - 1) / kPanel;
    for (size_t p = 0; p < panels; ++p) {
      const T* keys = a_.packed_k + (key + p * kPanel) * depth_;
      Product<T>::run({queries_, depth_, a_.count, keys, depth_, scores(0, p * kPanel)});
    }
    for (size_t i = 0; i < a_.count; ++i) {
      if (a_.bias != nullptr) add_bias(i, key, count);
      const Keys keys = seen_by(i);
      const size_t low = keys.begin > key ? keys.begin - key : 0;
      const size_t high = keys.end > key ? keys.end - key : 0;
      soften(i, first, {low, high < count ? high : count}, round_up(count, kPanel));
    }
    const size_t panel_size = round_up(a_.shape.keys, kKeyBlock) * kPanel;
    for (size_t j = 0; j < depth_; j += kPanel) {
      const T* values = a_.packed_v + j / kPanel * panel_size + key * kPanel;
      Product<T>::run({weights_, kStepKeys, a_.count, values,
                       round_up(count, Product<T>::kMultiple), out(0, j), !first});
    }
  }

  float* out(size_t i, size_t j) {
    return out_ + j / kPanel * kQueryBlock * kPanel + i * kPanel + j % kPanel;
  }
  float* scores(size_t i, size_t key) {
    return scores_ + key / kPanel * kQueryBlock * kPanel + i * kPanel + key % kPanel;
  }

  // To the scores of query i for the keys of a step, logarithms to base 2.
  void add_bias(size_t i, size_t first, size_t count) {
    const size_t position = a_.first + i;
    const float* const bias =
        a_.bias + (static_cast<ptrdiff_t>(first) - static_cast<ptrdiff_t>(position));
    for (size_t key = 0; key < count; key += kLanes) {
      store(scores(i, key), load(scores(i, key)) + load_some(bias + key, count - key) * kLog2E);
    }
  }

  // Scores of query i for the keys of a step that it sees, logarithms to base 2, become weights.
  void soften(size_t i, bool first, const Keys& seen, size_t end) {
    for (size_t key = 0; key < seen.begin; ++key) *scores(i, key) = -__builtin_inff();
    for (size_t key = seen.end; key < end; ++key) *scores(i, key) = -__builtin_inff();
    if (first) base_[i] = greatest(i, end);
    if (!weigh(i, end)) {
      rebase(i, greatest(i, end));
      weigh(i, end);
    }
  }

  float greatest(size_t i, size_t end) {
    Floats most = load(scores(i, 0));
    for (size_t key = kLanes; key < end; key += kLanes) most = max(most, load(scores(i, key)));
    return greatest_lane(most)[0];
  }

  // Whether no score is too far above the base; only then are weights added to the sums.
  bool weigh(size_t i, size_t end) {
    const Floats base = broadcast(base_[i]);
    Floats sums = load(sums_[i]);
    Floats most = base;
    for (size_t key = 0; key < end; key += kLanes) {
      const Floats score = load(scores(i, key));
      const Floats weight = exp2_of_small<kExact>(score - base);
      most = max(most, score);
      sums += weight;
      put(weight, weights_ + i * kStepKeys + key);
    }
    if (any_greater(most, base + kSlack)) return false;
    store(sums_[i], sums);
    return true;
  }

  // Makes all that was weighed so far relative to another score.
  void rebase(size_t i, float base) {
    const Floats factor = exp2_of_small<kExact>(broadcast(base_[i] - base));
    base_[i] = base;
    store(sums_[i], load(sums_[i]) * factor);
    for (size_t j = 0; j < depth_; j += kLanes) store(out(i, j), load(out(i, j)) * factor);
  }

  const AttendQueries<T>& a_;
  const size_t depth_;
  alignas(64) T queries_[kQueryBlock * kMaxHeadWidth];
  alignas(64) float scores_[kStepKeys * kQueryBlock];  // [keys / 32][queries][32]
  alignas(64) T weights_[kQueryBlock * kStepKeys];
  alignas(64) float out_[kQueryBlock * kMaxHeadWidth];  // [width / 32][queries][32]
  alignas(64) float sums_[kQueryBlock][kLanes];         // of weights, lane by lane
  float base_[kQueryBlock];                             // the score of weight 1
};

}  // namespace

void pack_kv_f32(const PackKeysValues<float>& p) { pack(p); }
void pack_kv_bf16(const PackKeysValues<uint16_t>& p) { pack(p); }

void attend_f32(const AttendQueries<float>& a) { Attention<float>(a).run(); }
void attend_bf16(const AttendQueries<uint16_t>& a) { Attention<uint16_t>(a).run(); }

}  // namespace nestvec::NESTVEC_ISA
