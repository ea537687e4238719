// SPDX-License-Identifier: Apache-2.0
#include "session/graph_io.h"

#include "nestvec/error.h"

namespace nestvec {
namespace {

std::string describe(const GraphValue& value) {
  std::string text = value.name + " " + value.type_name + " [";
  for (std::size_t i = 0; i < value.shape.size(); ++i) {
    if (i > 0) text += ',';
    text += value.shape[i] >= 0 ? std::to_string(value.shape[i])
                                : (value.symbols[i].empty() ? "?" : value.symbols[i]);
  }
  return text + "]";
}

std::string describe(const std::vector<GraphValue>& values) {
  std::string text;
  for (const GraphValue& value : values) {
    if (!text.empty()) text += ", ";
    text += describe(value);
  }
  return text;
}

Error refuse(const std::string& path, const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, path + ": " + message);
}

// A vector of the batch's own size is one task a sequence; anything else is one task a run.
TaskInput task_input_of(const GraphValue& task, const GraphValue* ids) {
  if (task.shape.empty()) return TaskInput::kScalarPerRun;
  const bool same_axis = task.shape[0] < 0 && ids != nullptr && !ids->symbols.empty() &&
                         !task.symbols[0].empty() && task.symbols[0] == ids->symbols[0];
  return same_axis ? TaskInput::kPerSequence : TaskInput::kVectorPerRun;
}

const GraphValue* find(const std::vector<GraphValue>& values, const std::string& name) {
  for (const GraphValue& value : values) {
    if (value.name == name) return &value;
  }
  return nullptr;
}

void read_input(const GraphValue& input, const GraphValue* ids, const std::string& path,
                GraphIo& io) {
  if (!input.is_int64) {
    throw refuse(path,
                 "input " + describe(input) + " is not int64; export the model with int64 inputs");
  }
  if (input.name == "input_ids") {
    io.ids = input.name;
  } else if (input.name == "attention_mask") {
    io.attention_mask = input.name;
  } else if (input.name == "token_type_ids") {
    io.token_type_ids = input.name;
  } else if (input.name == "position_ids") {
    io.position_ids = input.name;
  } else if (input.name == "task_id" || input.name == "task_ids") {
    io.task = input.name;
    io.task_input = task_input_of(input, ids);
  } else {
    throw refuse(path, "unknown input " + describe(input) +
                           "; known are input_ids, attention_mask, token_type_ids, position_ids, "
                           "task_id and task_ids");
  }
}

}  // namespace

GraphIo read_graph_io(const std::vector<GraphValue>& inputs, const std::vector<GraphValue>& outputs,
                      const std::string& path) {
  GraphIo io;
  const GraphValue* ids = find(inputs, "input_ids");
  for (const GraphValue& input : inputs) read_input(input, ids, path, io);
  if (io.ids.empty()) {
    throw refuse(path, "no input input_ids; the graph has " + describe(inputs));
  }
  for (const GraphValue& output : outputs) {
    if (output.is_float && output.shape.size() == 3) {
      io.output = output.name;
      io.width = output.shape[2] > 0 ? static_cast<std::size_t>(output.shape[2]) : 0;
      return io;
    }
  }
  throw refuse(path, "no float32 output of shape [batch, tokens, width]; the graph has " +
                         describe(outputs));
}

}  // namespace nestvec
