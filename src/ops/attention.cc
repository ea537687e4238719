// SPDX-License-Identifier: Apache-2.0
#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nestvec {
namespace {

// The kernels of a type of queries, keys and values.
template <class T>
struct HeadKernels;

template <>
struct HeadKernels<float> {
  explicit HeadKernels(const Kernels& k) : pack(k.pack_kv_f32), attend(k.attend_f32) {}
  void (*pack)(const PackKeysValues<float>&);
  void (*attend)(const AttendQueries<float>&);
};

template <>
struct HeadKernels<std::uint16_t> {
  explicit HeadKernels(const Kernels& k) : pack(k.pack_kv_bf16), attend(k.attend_bf16) {}
  void (*pack)(const PackKeysValues<std::uint16_t>&);
  void (*attend)(const AttendQueries<std::uint16_t>&);
};

// Keys that one thread packs at a time.
constexpr std::size_t kPackKeys = 8 * kKeyBlock;

template <class T>
class Attention {
 public:
  Attention(const AttentionLayer& layer, const HeadMatrices<T>& qkv, T* out, EngineContext& context)
      : layer_(layer),
        qkv_(qkv),
        out_(out),
        context_(context),
        kernels_(context.kernels),
        width_(layer.heads * layer.head_width),
        scale_(layer.scale > 0 ? layer.scale
                               : 1.0f / std::sqrt(static_cast<float>(layer.head_width))) {}

  void run(std::span<const std::int64_t> offsets) {
    std::vector<Rows> short_ones;
    std::vector<Rows> long_ones;
    std::size_t longest = 0;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      const Rows rows{static_cast<std::size_t>(offsets[i]),
                      static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
      (rows.count <= kShortSequence ? short_ones : long_ones).push_back(rows);
      if (rows.count <= kShortSequence) longest = std::max(longest, rows.count);
    }
    run_short(short_ones, longest);
    for (const Rows& rows : long_ones) {
      for (std::size_t head = 0; head < layer_.key_heads(); ++head) {
        context_.pause();
        run_long(rows, head);
      }
    }
  }

 private:
  // A sequence's rows of the packed batch.
  struct Rows {
    std::size_t first;
    std::size_t count;
  };

  HeadShape shape(std::size_t keys) const { return {layer_.head_width, keys}; }

  // Query heads that read the same keys.
  std::size_t group() const { return layer_.heads / layer_.key_heads(); }

  const T* row(const Rows& rows, std::size_t matrix) const {
    return qkv_.data + matrix * qkv_.matrix_stride + rows.first * qkv_.row_stride;
  }

  // The first block's queries come nearer while keys are packed.
  void fetch_queries(const Rows& rows, std::size_t head) const {
    const T* q = row(rows, head);
    for (std::size_t i = 0; i < std::min(kQueryBlock, rows.count); ++i, q += qkv_.row_stride) {
      for (std::size_t j = 0; j < layer_.head_width; j += 64 / sizeof(T)) __builtin_prefetch(q + j);
    }
  }

  // `head` is one of keys and values.
  void pack(const Rows& rows, std::size_t head, std::size_t first, T* packed) const {
    PackKeysValues<T> p;
    p.shape = shape(rows.count);
    p.first = first;
    p.count = std::min(kPackKeys, rows.count - first);
    p.k = row(rows, layer_.heads + head);
    p.v = row(rows, layer_.heads + layer_.key_heads() + head);
    p.stride = qkv_.row_stride;
    p.cos = layer_.cos;
    p.sin = layer_.sin;
    p.norm = layer_.key_norm;
    p.packed_k = packed;
    p.packed_v = packed + packed_kv_elements(p.shape);
    kernels_.pack(p);
  }

  void attend(const Rows& rows, std::size_t head, std::size_t first, const T* packed) const {
    AttendQueries<T> a;
    a.shape = shape(rows.count);
    a.first = first;
    a.count = std::min(kQueryBlock, rows.count - first);
    a.q = row(rows, head) + first * qkv_.row_stride;
    a.stride = qkv_.row_stride;
    a.cos = layer_.cos;
    a.sin = layer_.sin;
    a.norm = layer_.query_norm;
    a.scale = scale_;
    a.before = layer_.before;
    a.behind = layer_.behind;
    if (layer_.bias != nullptr) {
      const std::size_t last = layer_.bias_positions - 1;
      a.bias = layer_.bias + head * (2 * last + 1) + last;
    }
    a.packed_k = packed;
    a.packed_v = packed + packed_kv_elements(a.shape);
    a.out = out_ + (rows.first + first) * width_ + head * layer_.head_width;
    a.out_stride = width_;
    kernels_.attend(a);
  }

  void run_short(const std::vector<Rows>& sequences, std::size_t longest) {
    const std::size_t stride = 2 * packed_kv_elements(shape(longest));
    T* const packed = context_.keys.get<T>(context_.pool.threads() * stride);
    const std::size_t heads = layer_.key_heads();
    context_.pool.parallel_runs(
        sequences.size() * heads, [&](std::size_t piece, std::size_t thread) {
          const Rows& rows = sequences[piece / heads];
          const std::size_t head = piece % heads;
          fetch_queries(rows, head * group());
          T* const own = packed + thread * stride;
          for (std::size_t i = 0; i < rows.count; i += kPackKeys) pack(rows, head, i, own);
          for (std::size_t query = head * group(); query < (head + 1) * group(); ++query) {
            for (std::size_t i = 0; i < rows.count; i += kQueryBlock) attend(rows, query, i, own);
          }
        });
  }

  void run_long(const Rows& rows, std::size_t head) {
    T* const packed = context_.keys.get<T>(2 * packed_kv_elements(shape(rows.count)));
    context_.pool.parallel_for(
        (rows.count + kPackKeys - 1) / kPackKeys,
        [&](std::size_t piece, std::size_t) { pack(rows, head, piece * kPackKeys, packed); });
    const std::size_t blocks = (rows.count + kQueryBlock - 1) / kQueryBlock;
    context_.pool.parallel_for(group() * blocks, [&](std::size_t piece, std::size_t) {
      attend(rows, head * group() + piece / blocks, piece % blocks * kQueryBlock, packed);
    });
  }

  const AttentionLayer& layer_;
  const HeadMatrices<T>& qkv_;
  T* out_;
  EngineContext& context_;
  HeadKernels<T> kernels_;
  std::size_t width_;
  float scale_;
};

}  // namespace

void attention(const AttentionLayer& layer, const HeadMatrices<float>& qkv,
               std::span<const std::int64_t> offsets, float* out, EngineContext& context) {
  Attention<float>(layer, qkv, out, context).run(offsets);
}

void attention(const AttentionLayer& layer, const HeadMatrices<std::uint16_t>& qkv,
               std::span<const std::int64_t> offsets, std::uint16_t* out, EngineContext& context) {
  Attention<std::uint16_t>(layer, qkv, out, context).run(offsets);
}

}  // namespace nestvec
