// SPDX-License-Identifier: Apache-2.0
// For tests that change the graph that `compile` wrote, and then open and run it.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "compile/artefact.h"
#include "nestvec/error.h"
#include "ops/isa.h"
#include "session/packed_session.h"
#include "support/slow_run.h"

// The generated sources are not ours to warn about.
#include "onnx.pb.h"

namespace nestvec {

// A tiny model, compiled into a folder of its own.
class CompiledGraph {
 public:
  CompiledGraph(const std::string& model, const std::string& precision, const std::string& folder)
      : name_(std::filesystem::path(model).filename().string() + " " + precision) {
    CompileOptions options;
    options.precision = precision;
    const Artefact artefact = compile_model(model, folder, options);
    path_ = artefact.graph_path;
    const HeadSpec& head = artefact.spec.head;
    side_ = {.vocabulary = head.vocabulary ? artefact.spec.vocabulary : 0,
             .token_weights = head.token_weights,
             .token_vectors = head.token_vectors};
    std::ifstream file(path_, std::ios::binary);
    if (!model_.ParseFromIstream(&file)) throw Error(ErrorCode::kDataLoss, path_);
  }

  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }
  const onnx::ModelProto& model() const { return model_; }

  // Opens these bytes in place of the graph and runs two texts; what it threw.
  std::optional<Error> outcome(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    try {
      const std::unique_ptr<Session> session = open_packed_session(
          {.graph_path = path_, .threads = 1, .isa = machine_isa(), .side = side_});
      PackedBatch batch;
      batch.add({{5, 6, 7}, kNoTask, {{0, 3}}});
      Sequence second{{5, 6, 7, 8, 9}, kNoTask, {{0, 2}, {2, 5}}};
      if (side_.vocabulary > 0 || side_.token_weights) second.sparse = {0, 5};
      if (side_.token_vectors > 0) second.vectors = {1, 5};
      batch.add(second);
      RunOutput out;
      session->run(batch, {.want_tokens = true}, out);
      if (out.rows.size() != 3 * session->width() || out.tokens.size() != 8 * session->width()) {
        return Error(ErrorCode::kInternal, "rows of another size than the session says");
      }
      return std::nullopt;
    } catch (const Error& error) {
      return error;
    }
  }
  std::optional<Error> outcome(const onnx::ModelProto& model) const {
    return outcome(model.SerializeAsString());
  }

 private:
  std::string name_;
  std::string path_;
  SideOutputs side_;
  onnx::ModelProto model_;
};

// Both kinds of encoders, in every precision; under sanitizers, where a session opens slowly, each
// kind and each precision once. And one with each kind of head, and one with everything that a
// layer of BERT may have beside.
inline std::vector<CompiledGraph> compiled_graphs(const std::string& models,
                                                  const std::filesystem::path& folder) {
  std::vector<CompiledGraph> graphs;
  for (const char* model : {"bert-tiny", "v3-tiny"}) {
    for (const char* precision : {"fp32", "bf16", "int8-weights", "int8"}) {
      const bool is_first = model == std::string("bert-tiny");
      if (kSlowRun && is_first != (precision == std::string("fp32"))) continue;
      graphs.emplace_back(models + model, precision,
                          (folder / (std::string(model) + "-" + precision)).string());
    }
  }
  graphs.emplace_back(models + "bert-reranker-tiny", "fp32", (folder / "reranker").string());
  for (const char* model : {"splade-tiny", "bge-m3-tiny", "jina-v2-code-tiny"}) {
    graphs.emplace_back(models + model, "fp32", (folder / model).string());
  }
  return graphs;
}

}  // namespace nestvec
