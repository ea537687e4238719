// SPDX-License-Identifier: Apache-2.0
// What an opened graph decides, against what the folder and the configuration ask of it.
#pragma once

#include "engine/model_folder.h"
#include "nestvec/config.h"
#include "nestvec/log_sink.h"
#include "nestvec/model.h"
#include "session/session.h"

namespace nestvec {

// The longest text that the graph takes, into info.max_tokens. Throws Error kInvalidArgument where
// runtime.max_tokens is over it.
void settle_length(const Session& session, const RuntimeOptions& runtime, ModelInfo& info);

// Of a classifier; the folder's notes go to `note`. Throws Error kInvalidArgument where the graph
// has not one output for each label.
void settle_outputs(const Session& session, const ModelFolder& folder, const ModelInfo& info,
                    const LogSink& note);

// Whether the modules behind the pooling run here. A graph that pools by itself has them in it.
bool runs_modules(const Session& session, const ModelFolder& folder);

// Of a model for vectors: dimensions and pooling, into `info`. Notes go to `note`. Throws Error:
// kInvalidArgument (more dimensions than there are), kUnimplemented (a graph that pools in another
// way than was asked for).
void settle_vectors(const Session& session, const ModelFolder& folder,
                    const RuntimeOptions& runtime, ModelInfo& info, const LogSink& note);

}  // namespace nestvec
