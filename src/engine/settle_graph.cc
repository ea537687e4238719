// SPDX-License-Identifier: Apache-2.0
#include "engine/settle_graph.h"

#include <algorithm>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// sentence_embedding of an export is what stands behind all modules.
void check_pooled_modules(const Session& session, const ModelFolder& folder,
                          const ModelInfo& info) {
  const std::size_t width = width_behind(folder.modules, session.width());
  if (width == session.width()) return;
  throw Error(ErrorCode::kInvalidArgument,
              info.graph + ": sentence_embedding has " + std::to_string(session.width()) +
                  " dimensions, the modules of modules.json give " + std::to_string(width) +
                  "; export all modules, or add model.safetensors");
}

}  // namespace

void settle_length(const Session& session, const RuntimeOptions& runtime, ModelInfo& info) {
  const std::size_t longest = session.longest();
  if (longest > 0 && runtime.max_tokens > longest) {
    throw Error(ErrorCode::kInvalidArgument,
                "runtime.max_tokens " + std::to_string(runtime.max_tokens) +
                    " is over the fixed length of the graph, " + std::to_string(longest));
  }
  if (longest > 0) info.max_tokens = std::min(info.max_tokens, longest);
}

void settle_outputs(const Session& session, const ModelFolder& folder, const ModelInfo& info,
                    const LogSink& note) {
  if (session.width() != info.labels.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                folder.path + ": the graph gives " + std::to_string(session.width()) +
                    " outputs, config.json has " + std::to_string(info.labels.size()) + " labels");
  }
  for (const std::string& line : folder.notes) note(line);
}

bool runs_modules(const Session& session, const ModelFolder& folder) {
  return !folder.modules.empty() && !session.pooled();
}

void settle_vectors(const Session& session, const ModelFolder& folder,
                    const RuntimeOptions& runtime, ModelInfo& info, const LogSink& note) {
  const std::size_t width = runs_modules(session, folder)
                                ? width_behind(folder.modules, session.width())
                                : session.width();
  info.most_dimensions = width;
  info.dimensions = folder.dimensions > 0 ? folder.dimensions : width;
  if (info.dimensions > width) {
    throw Error(ErrorCode::kInvalidArgument,
                folder.path + ": truncate_dim " + std::to_string(folder.dimensions) +
                    " is over the model's " + std::to_string(width) + " dimensions");
  }
  for (const std::string& line : folder.notes) note(line);
  if (!session.pooled()) {
    if (const std::string guess = guessed_pooling(folder); !guess.empty()) note(guess);
    return;
  }
  info.pooling = "graph";
  if (runtime.pooling != "auto" || !folder.include_prompt) {
    throw Error(ErrorCode::kUnimplemented,
                info.graph + ": the graph pools by itself (sentence_embedding), so " +
                    (runtime.pooling != "auto" ? "runtime.pooling" : "include_prompt: false") +
                    " cannot be followed; load safetensors, or an export that gives token "
                    "embeddings");
  }
  if (!folder.modules.empty()) check_pooled_modules(session, folder, info);
  note(
      "the graph gives pooled vectors (sentence_embedding): its own pooling is used; late chunking "
      "and token embeddings are not available");
}

}  // namespace nestvec
