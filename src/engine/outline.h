// SPDX-License-Identifier: Apache-2.0
// What a model is before its weights are read: its small files, its tasks and their prompts.
#pragma once

#include "compile/model_spec.h"
#include "engine/model_folder.h"
#include "engine/read_score_rules.h"
#include "engine/tasks.h"
#include "nestvec/config.h"
#include "nestvec/log_sink.h"
#include "nestvec/model.h"

namespace nestvec {

struct Outline {
  ModelFolder folder;
  ModelSpec spec;
  TaskTable tasks;
  ScoreRules score_rules;   // where the spec has a classifier
  ModelInfo info;           // as OutlineCheck gets it
  AdapterFolders adapters;  // as checkpoints.adapters, with whole paths
};

// Finds the configured model and reads its small files. One line goes to `log` where prompts that
// are built in are used. Blocks on file I/O. Throws Error as locate_model, read_model_folder and
// read_model_spec; kInvalidArgument for a configured task or prompt that does not fit the model.
Outline read_outline(const ModelConfig& config, const LogSink& log);

}  // namespace nestvec
