// SPDX-License-Identifier: Apache-2.0
// What a session runs: sequences of different lengths and tasks behind one another, without
// padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nestvec {

inline constexpr std::int32_t kNoTask = -1;

// A half-open token range of a sequence that is pooled to one result row. Mean pooling is the whole
// sequence, CLS pooling is {0, 1}, late chunking has one span a chunk.
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  // Tokens before it in the whole text, of which the sequence may be a window: the weights of a
  // weighted mean count from it.
  std::uint32_t place = 0;
};

// One text, ready to run.
struct Sequence {
  std::vector<std::uint32_t> ids;
  std::int32_t task = kNoTask;  // index of the adapter, or kNoTask for the base weights
  std::vector<Span> spans;      // positions within this sequence
  // [ids] the row of the type table for each token, of a pair of texts; empty: as the model gives
  // them to a text alone, which in a batch with pairs is 0.
  std::vector<std::uint8_t> types = {};
  // The tokens whose weights, and those whose vectors are wanted of a model that has them; empty:
  // none.
  Span sparse = {};
  Span vectors = {};
};

// N sequences of T tokens in all with M spans in all (flash-attention's layout).
struct PackedBatch {
  std::vector<std::uint32_t> ids;  // [T]
  std::vector<std::uint32_t>
      offsets;  // [N+1], cu_seqlens: sequence i is ids[offsets[i], offsets[i+1])
  std::vector<std::int32_t> tasks;  // [N]
  std::vector<Span> spans;          // [M], positions in the packed batch [0, T)
  std::vector<std::uint8_t> types;  // [T]; empty where no sequence has any
  // Those of the sequences that are not empty, in their order; positions as of `spans`.
  std::vector<Span> sparse_spans;
  std::vector<Span> vector_spans;

  std::size_t sequences() const noexcept { return offsets.empty() ? 0 : offsets.size() - 1; }
  std::size_t tokens() const noexcept { return ids.size(); }
  std::size_t max_length() const noexcept;

  // Appends a sequence. Precondition: it is not empty and its spans lie inside it.
  void add(const Sequence& sequence);
  void clear();
};

}  // namespace nestvec
