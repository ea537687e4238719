// SPDX-License-Identifier: Apache-2.0
#include "engine/side_outputs.h"

#include <algorithm>
#include <string>

#include "output/vector.h"

namespace nestvec {
namespace {

constexpr std::size_t kEntryBytes = sizeof(std::uint32_t) + sizeof(float);

std::size_t length_of(const Span& span) { return span.end - span.begin; }

Error lacks(const ModelInfo& info, const std::string& what) {
  std::string kinds;
  for (const auto& [has, name] : {std::pair(info.dense, "dense"), std::pair(info.sparse, "sparse"),
                                  std::pair(info.multi_vector, "multi_vector")}) {
    if (has) kinds += (kinds.empty() ? "" : ", ") + std::string(name);
  }
  return Error(ErrorCode::kInvalidArgument,
               info.id + " has no " + what + "; it gives: " + (kinds.empty() ? "none" : kinds));
}

void check_finite(const SequenceOutput& output) {
  if (all_finite(output.sparse.weights) && all_finite(output.vectors)) return;
  throw Error(ErrorCode::kInternal, "the model computed a value that is not finite, in fp32 too");
}

void take_sparse(std::vector<SequenceOutput>& outputs, SparseVectors& out) {
  std::size_t entries = 0;
  for (const SequenceOutput& output : outputs) entries += output.sparse.indices.size();
  out.starts.reserve(outputs.size() + 1);
  out.indices.reserve(entries);
  out.weights.reserve(entries);
  out.starts.push_back(0);
  for (SequenceOutput& output : outputs) {
    const TokenWeights row = std::move(output.sparse);
    out.indices.insert(out.indices.end(), row.indices.begin(), row.indices.end());
    out.weights.insert(out.weights.end(), row.weights.begin(), row.weights.end());
    out.starts.push_back(out.indices.size());
  }
}

void take_vectors(std::vector<SequenceOutput>& outputs, std::size_t width, MultiVectors& out) {
  std::size_t size = 0;
  for (const SequenceOutput& output : outputs) size += output.vectors.size();
  out.width = width;
  out.starts.reserve(outputs.size() + 1);
  out.values.reserve(size);
  out.starts.push_back(0);
  for (SequenceOutput& output : outputs) {
    const std::vector<float> rows = std::move(output.vectors);
    out.values.insert(out.values.end(), rows.begin(), rows.end());
    out.starts.push_back(out.values.size() / width);
  }
}

}  // namespace

SideOutputs side_outputs(const ModelSpec& spec, const Tokenizer& tokenizer) {
  SideOutputs side;
  if (spec.head.vocabulary) side.vocabulary = spec.vocabulary;
  side.token_weights = spec.head.token_weights;
  side.token_vectors = spec.head.token_vectors;
  if (!side.token_weights) return side;
  // Those that the model's own code leaves out.
  for (const char* token : {"<s>", "</s>", "<pad>", "<unk>"}) {
    if (const auto id = tokenizer.token_to_id(token)) side.weightless.push_back(*id);
  }
  std::ranges::sort(side.weightless);
  return side;
}

void describe_sides(const HeadSpec& head, ModelInfo& info) {
  info.sparse = head.any_sparse();
  info.multi_vector = head.token_vectors > 0;
  if (!head.vocabulary) return;
  info.dense = false;
  info.dimensions = 0;
  info.most_dimensions = 0;
  info.pooling = "splade";
}

void check_kinds(const EmbedOptions& options, const ModelInfo& info) {
  if (options.dense && !info.dense) throw lacks(info, "dense vectors");
  if (options.sparse && !info.sparse) throw lacks(info, "sparse vectors");
  if (options.multi_vector && !info.multi_vector) throw lacks(info, "vectors of tokens");
  if (!options.dense && !options.sparse && !options.multi_vector) {
    throw Error(ErrorCode::kInvalidArgument,
                "nothing is asked for; choose one of dense, sparse and multi_vector");
  }
  if (options.late_chunking && (!options.dense || options.sparse || options.multi_vector)) {
    throw Error(ErrorCode::kInvalidArgument,
                "late chunking gives dense vectors alone; ask for others without it");
  }
}

void choose_kinds(const EmbedOptions& options, Sequence& sequence) {
  const auto length = static_cast<std::uint32_t>(sequence.ids.size());
  if (!options.dense) sequence.spans.clear();
  if (options.sparse) sequence.sparse = {0, length};
  if (options.multi_vector) sequence.vectors = {1, length};
}

std::size_t most_side_bytes(const SideOutputs& side, const std::vector<Sequence>& sequences) {
  std::size_t bytes = 0;
  for (const Sequence& sequence : sequences) {
    const std::size_t tokens = length_of(sequence.sparse);
    const std::size_t entries = side.vocabulary > 0 && tokens > 0 ? side.vocabulary : tokens;
    bytes += entries * kEntryBytes +
             length_of(sequence.vectors) * side.token_vectors * sizeof(float) +
             2 * sizeof(std::size_t);  // its places in the lists
  }
  return bytes;
}

void take_sides(const EmbedOptions& options, const SideOutputs& side,
                std::vector<SequenceOutput>& outputs, Embeddings& out) {
  std::ranges::for_each(outputs, check_finite);
  if (options.sparse) take_sparse(outputs, out.sparse);
  if (options.multi_vector) take_vectors(outputs, side.token_vectors, out.multi);
}

std::size_t side_bytes(const Embeddings& out) {
  return out.sparse.indices.size() * kEntryBytes + out.multi.values.size() * sizeof(float) +
         (out.sparse.starts.size() + out.multi.starts.size()) * sizeof(std::size_t);
}

}  // namespace nestvec
