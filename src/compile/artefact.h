// SPDX-License-Identifier: Apache-2.0
// A compiled model on disk: model.onnx, weights.data and nestvec.json, which says what they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/run_control.h"
#include "compile/model_spec.h"
#include "nestvec/log_sink.h"

namespace nestvec {

// What to make. The strings are data: they stand in the manifest and in the graph's metadata under
// "nestvec.layout" and "nestvec.precision".
struct CompileOptions {
  // "packed": nestvec's own operators, see compile/packed.h. The portable ones, of stock operators:
  // "rectangular": inputs input_ids int64 [B, S] without a mask, all texts of a run equally long;
  // no S x S matrix on ONNX Runtime's CPU provider. "padded": with attention_mask int64 [B, S].
  // Both take task_ids int64 [B] (-1 = base weights) where the model has adapters, token_type_ids
  // int64 [B, S] where its tokenizer gives other types than 0, and give token_embeddings float
  // [B, S, H].
  std::string layout = "packed";
  std::string precision = "fp32";  // packed: also "bf16", "int8-weights", "int8"
  bool head = true;                // with what stands on the encoder; false: the encoder alone
  std::size_t max_tokens =
      0;  // longest sequence, rows of the rotary tables; 0 = what the model allows
  AdapterFolders adapters = {};  // beside the model's own
  bool checksum = false;         // of the files into the manifest: they are checked when opened
  bool with_companions = false;  // copy the tokenizer and the like: the folder is a model by itself
  RunControl control = {};       // ends it early; nothing stays behind
  // Called on the compiling thread with the part of the weights that is written, up to 1.
  std::function<void(double)> progress = {};
  // Called with the finished folder before it becomes output_folder. What it throws ends the
  // compilation, and nothing stays behind.
  std::function<void(const std::string& folder)> accept = {};
};

// The precision that "auto" means for a native graph on this machine: "bf16" where the processor
// computes in it, else "fp32".
std::string native_precision();

// Throws Error kUnimplemented for int8 of a model whose vectors it would spoil: in blocks with
// RMSNorm first, a few channels are far larger than the others, and eight bits for all of them
// leave the others nothing. compile_model itself can make such a graph.
void check_precision(const ModelSpec& spec, const std::string& precision);

// A compiled graph, checked against its manifest.
struct Artefact {
  std::string folder;
  std::string graph_path;  // model.onnx; its weights are mapped from weights.data beside it
  ModelSpec spec;
  std::string layout;
  std::string precision;
  std::size_t max_tokens = 0;
  std::uint64_t weight_bytes = 0;
  // Of one in the cache: nobody removes its folder while this lives (hold_entry). May be empty.
  std::shared_ptr<const FileDescriptor> hold;
};

// Reads the weights of `model_folder` (model.safetensors or its shards, else the initializers of
// its ONNX file; PEFT adapter folders) and writes the artefact as `output_folder`, which appears
// whole or not at all and replaces an older one. Blocks for as long as the disk takes. Memory in
// use stays constant; the model is streamed. Safe to call from several threads and processes.
// Progress goes to `log`, one finished line each. Throws Error: as read_model_spec; kNotFound (no
// weights); kDataLoss (corrupt file); kInvalidArgument (a missing or misshapen tensor, with
// expected and found shape; an unknown option); kResourceExhausted (disk full, with the path and
// the bytes needed); kPermissionDenied; kCancelled (options.control).
Artefact compile_model(const std::string& model_folder, const std::string& output_folder,
                       const CompileOptions& options, const LogSink& log = {});
// The same for who has read the folder's spec (read_source_spec, with options.adapters).
Artefact compile_model(const std::string& model_folder, const ModelSpec& spec,
                       const std::string& output_folder, const CompileOptions& options,
                       const LogSink& log = {});

// The spec of a folder to compile: read_model_spec, which refuses one that is compiled already
// (kInvalidArgument).
ModelSpec read_source_spec(const std::string& model_folder, const AdapterFolders& adapters);

// Throws what compile_model would for weights that are missing or misshapen (kInvalidArgument) or
// not there at all, and kInvalidArgument for an ONNX file that is not recognised as the encoder of
// the spec, which compile_model does not look at. Writes nothing, and reads what the files say of
// their tensors, not the tensors.
// `spec` is the folder's (read_model_spec).
void check_weights(const std::string& model_folder, const ModelSpec& spec);

// The artefact of `model_folder` in `cache_folder` (made when missing): an existing one when its
// version, options, source files and sizes match, else a new one, with the reason in the log.
// `spec` is the folder's (read_model_spec). Processes that ask for the same artefact at once wait
// for the first. Errors as compile_model.
Artefact compile_into_cache(const std::string& model_folder, const ModelSpec& spec,
                            const std::string& cache_folder, const CompileOptions& options,
                            const LogSink& log = {});

// Whether the folder has a manifest, of whatever version.
bool is_artefact(const std::string& folder);

// Reads an artefact's manifest and checks its files. Throws Error: kNotFound (no artefact there),
// kFailedPrecondition (in a format that this library does not read; NewerFormat where a newer one
// does), kDataLoss (truncated, broken, or not of the
// checksum that the manifest has; then it blocks until all of the weights are read).
Artefact open_artefact(const std::string& folder);

}  // namespace nestvec
