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
  options.sparse = flags.bulk.sparse;
  options.dense = !flags.bulk.sparse;
  return options;
}

}  // namespace nestvec
