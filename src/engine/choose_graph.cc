// SPDX-License-Identifier: Apache-2.0
#include "engine/choose_graph.h"

#include <filesystem>
#include <utility>

#include "base/environment.h"
#include "config/cache_folder.h"
#include "config/model_location.h"
#include "config/model_locks.h"
#include "nestvec/error.h"
#include "tokenizer/read_token_types.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// The size of an ONNX file with the external data that lies beside it ("model.onnx_data").
std::uint64_t published_bytes(const std::string& path) {
  std::uint64_t bytes = 0;
  const std::string name = fs::path(path).filename().string();
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(path).parent_path())) {
    if (entry.is_regular_file() && entry.path().filename().string().starts_with(name)) {
      bytes += entry.file_size();
    }
  }
  return bytes;
}

// "onnx/model.onnx"
std::string onnx_name(const ModelFolder& folder) {
  return fs::path(folder.onnx).lexically_relative(folder.path).string();
}

Graph published_graph(const ModelFolder& folder, const ModelSpec& spec) {
  if (folder.onnx.empty()) {
    throw Error(ErrorCode::kNotFound, folder.path +
                                          ": runtime.graph is \"published\", but there is no "
                                          "onnx/model.onnx in the folder");
  }
  if (spec.head.vocabulary) {
    throw Error(ErrorCode::kUnimplemented,
                folder.path +
                    ": a SPLADE model runs in a graph that is made from its safetensors, not as "
                    "its ONNX export; add model.safetensors to the folder");
  }
  Graph graph;
  graph.path = folder.onnx;
  graph.spec = spec;
  graph.spec.head.token_weights = false;  // which the export does not have
  graph.spec.head.token_vectors = 0;
  graph.weight_bytes = published_bytes(folder.onnx);
  graph.published = true;
  graph.description = onnx_name(folder) + " as published";
  graph.hold = std::make_shared<const FileDescriptor>(hold_model_file(folder.onnx));
  return graph;
}

struct Precision {
  std::string name;
  std::string reason;
};

Precision choose_precision(const RuntimeOptions& runtime) {
  if (runtime.precision != "auto") return {runtime.precision, "as configured"};
  const std::string name = native_precision();
  return {name, name == "bf16" ? "auto: this CPU computes in bf16"
                               : "auto: bf16 is not faster on this CPU"};
}

Graph graph_of(const Artefact& artefact, const std::string& origin) {
  Graph graph;
  graph.native = artefact.layout == "packed";
  graph.path = artefact.graph_path;
  graph.weight_bytes = artefact.weight_bytes;
  graph.precision = artefact.precision;
  graph.description =
      std::string(graph.native ? "native " : "portable ") + artefact.precision + ", " + origin;
  graph.spec = artefact.spec;
  graph.hold = artefact.hold;
  return graph;
}

Graph compiled_graph(const Outline& outline, const RuntimeOptions& runtime, CompileOptions options,
                     const LogSink& log) {
  const ModelFolder& folder = outline.folder;
  Precision precision{"fp32", "of portable graphs"};
  if (runtime.graph == "portable") {
    options.layout = "rectangular";
  } else {
    precision = choose_precision(runtime);
    check_precision(outline.spec, precision.name);
  }
  options.precision = precision.name;
  options.adapters = outline.adapters;
  const Artefact artefact =
      compile_into_cache(folder.path, outline.spec,
                         cache_folder(runtime.cache_dir, process_environment()), options, log);
  Graph graph =
      graph_of(artefact, "compiled from " + (folder.has_safetensors ? std::string("safetensors")
                                             : folder.has_torch ? std::string("pytorch_model.bin")
                                                                : onnx_name(folder)));
  graph.precision_reason = precision.reason;
  return graph;
}

// Token types are written into a graph when it is made.
void check_token_types(const ModelSpec& spec, const std::string& folder) {
  if (spec.token_types < 2 || read_token_types(folder) == spec.text_types) return;
  throw Error(ErrorCode::kFailedPrecondition,
              folder +
                  ": tokenizer.json has other token types than the compiled graph; compile "
                  "the model again");
}

// A folder that `nestvec compile` wrote.
Graph ready_graph(const ModelFolder& folder, const RuntimeOptions& runtime) {
  Graph graph = graph_of(open_artefact(folder.path), "compiled before");
  graph.precision_reason = "as compiled";
  check_token_types(graph.spec, folder.path);
  if (runtime.graph == "auto" || (runtime.graph == "native") == graph.native) return graph;
  throw Error(ErrorCode::kInvalidArgument, folder.path + ": runtime.graph is \"" + runtime.graph +
                                               "\", but the folder holds a compiled graph, " +
                                               graph.description);
}

// An export that lacks weights by their names can still run as it is, if that is allowed.
bool is_to_compile(const Outline& outline, const RuntimeOptions& runtime, const LogSink& log) {
  const ModelFolder& folder = outline.folder;
  if (runtime.graph == "published") return false;
  if (has_checkpoint(folder)) return true;
  try {
    check_weights(folder.path, outline.spec);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    if (runtime.graph != "auto") {
      throw Error(error.code(), std::string(error.what()) +
                                    "; add model.safetensors to the folder or set runtime.graph to "
                                    "published");
    }
    log("running the ONNX export as it is; a graph compiled from its weights would be faster: " +
        std::string(error.what()));
    return false;
  }
}

}  // namespace

Graph choose_graph(const Outline& outline, const RuntimeOptions& runtime,
                   const CompileOptions& options, const LogSink& log) {
  const ModelFolder& folder = outline.folder;
  Graph graph = folder.is_compiled ? ready_graph(folder, runtime)
                : is_to_compile(outline, runtime, log)
                    ? compiled_graph(outline, runtime, options, log)
                    : published_graph(folder, outline.spec);
  if (graph.published && !outline.adapters.empty()) {
    throw Error(ErrorCode::kUnimplemented,
                folder.path +
                    ": checkpoints.adapters need a graph that is made from the weights, and the "
                    "ONNX export runs as it is; add model.safetensors to the folder");
  }
  if (graph.published && outline.spec.head.token_weights) {
    log("the ONNX export runs as it is, without sparse vectors and vectors of tokens, which a "
        "compiled graph gives");
  }
  if (runtime.precision != "auto" && runtime.precision != graph.precision) {
    throw Error(ErrorCode::kInvalidArgument,
                "runtime.precision \"" + runtime.precision +
                    "\" is not what the graph computes in: " + graph.description);
  }
  return graph;
}

}  // namespace nestvec
