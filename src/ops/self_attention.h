// SPDX-License-Identifier: Apache-2.0
// The first half of an encoder layer: out = norm(x + Wo attention(Wqkv x)), or
// x + Wo attention(Wqkv norm(x)).
#pragma once

#include <cstdint>
#include <span>

#include "ops/attention.h"
#include "ops/engine_context.h"
#include "ops/linear.h"

namespace nestvec {

struct SelfAttentionLayer {
  LinearLayer qkv;  // [(heads + 2 kv_heads) D, H]: queries, keys and values behind one another
  AttentionLayer attention;
  LinearLayer out;  // [H, heads D]
  NormLayer norm;
  bool norm_first = false;
  // LayerNorm of all queries of a token together, [heads D], and of all its keys; no weight: none.
  NormLayer queries_norm{};
  NormLayer keys_norm{};
  // Another norm: norm2(x + norm(x + f(x))), with norms first x + norm2(f(norm(x))); no weight:
  // none.
  NormLayer second_norm{};
};

// in: x [T, H] in fp32; offsets [N+1]; out [T, H] may be x. Attention is computed in bf16 where the
// layer's activations are narrow. Memory beside the arguments: queries, keys, values and what is
// attended to, 4 T H elements of the type of attention, kept for the next call.
void self_attention(const SelfAttentionLayer& layer, const LinearInput& in,
                    std::span<const std::int64_t> offsets, float* out, EngineContext& context);

}  // namespace nestvec
