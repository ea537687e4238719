// SPDX-License-Identifier: Apache-2.0
#include "cli/embed_flags.h"

#include "nestvec/tasks.h"
#include "output/vector.h"

namespace nestvec {
namespace {

Truncation parse_truncation(const std::string& name) {
  if (name == "error") return Truncation::kError;
  return name == "left" ? Truncation::kLeft : Truncation::kRight;
}

}  // namespace

EmbedOptions embed_options(const EmbedFlags& flags, const ModelInfo& model) {
  EmbedOptions options = flags.options;
  options.task = find_task(model, flags.options.task);
  if (flags.dimensions_given) {
    const std::size_t most = most_dimensions(model);
    if (model.most_dimensions > 0) {
      check_dimensions(flags.dimensions, most, model.matryoshka_dimensions);
    }
    options.dimensions = flags.dimensions;
  }
  options.truncation = parse_truncation(flags.truncate);
  options.add_prompt = !flags.no_prompt;
  options.parse_special = !flags.no_special;
  if (flags.no_normalize) options.normalize = false;
  options.sparse = flags.sparse;
  options.dense = !flags.sparse;
  return options;
}

void check_sparse_flags(const EmbedFlags& flags) {
  if (!flags.sparse) return;
  if (flags.dimensions_given || flags.no_normalize) {
    throw Error(ErrorCode::kInvalidArgument,
                "--dimensions and --no-normalize are for dense vectors, and --sparse was given");
  }
  if (flags.options.late_chunking) {
    throw Error(ErrorCode::kInvalidArgument,
                "--late-chunking pools dense vectors, and --sparse was given");
  }
}

}  // namespace nestvec
