// SPDX-License-Identifier: Apache-2.0
// Which graph of a model runs: one that is compiled now or was before, or the export as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "compile/artefact.h"
#include "engine/outline.h"
#include "nestvec/config.h"
#include "nestvec/log_sink.h"

namespace nestvec {

// The graph that will run and what is known of it.
struct Graph {
  std::string path;
  std::string description;
  std::string precision = "fp32";
  std::string precision_reason = "of the graph";
  bool native = false;
  ModelSpec spec;
  std::uint64_t weight_bytes = 0;
  bool published = false;
  std::shared_ptr<const FileDescriptor> hold;  // on what it runs from; may be empty
};

// Compiles the weights into the cache where that is to be done. Blocks. Throws Error as
// compile_into_cache and open_artefact; kInvalidArgument where the graph cannot be what `runtime`
// asks for.
Graph choose_graph(const Outline& outline, const RuntimeOptions& runtime,
                   const CompileOptions& options, const LogSink& log);

}  // namespace nestvec
