// SPDX-License-Identifier: Apache-2.0
#include "session/graph_io.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "nestvec/error.h"

namespace nestvec {
namespace {

std::string describe(const GraphValue& value) {
  std::string text = value.name + " " + value.type + " [";
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

// A size that the graph fixes must be the same for all inputs that have the axis.
void fix(std::int64_t size, const GraphValue& input, const std::string& path, std::size_t& fixed) {
  if (size < 0) return;
  const auto found = static_cast<std::size_t>(size);
  if (size == 0 || (fixed != 0 && fixed != found)) {
    throw refuse(path, "input " + describe(input) + " does not fit the others");
  }
  fixed = found;
}

void read_rectangle(const GraphValue& input, const std::string& path, GraphIo& io) {
  if (input.shape.size() != 2) {
    throw refuse(path, "input " + describe(input) + " is not of shape [batch, tokens]");
  }
  fix(input.shape[0], input, path, io.rows);
  fix(input.shape[1], input, path, io.length);
}

void read_input(const GraphValue& input, const GraphValue* ids, const std::string& path,
                GraphIo& io) {
  if (!input.is_integer()) {
    throw refuse(path, "input " + describe(input) +
                           " is not int64 or int32; export the model with integer inputs");
  }
  if (input.type == "int32") io.narrow.push_back(input.name);
  if (input.name == "task_id" || input.name == "task_ids") {
    io.task = input.name;
    io.task_input = task_input_of(input, ids);
    return;
  }
  const std::array<std::pair<std::string_view, std::string*>, 4> rectangles = {
      {{"input_ids", &io.ids},
       {"attention_mask", &io.attention_mask},
       {"token_type_ids", &io.token_type_ids},
       {"position_ids", &io.position_ids}}};
  for (const auto& [name, place] : rectangles) {
    if (input.name != name) continue;
    *place = input.name;
    read_rectangle(input, path, io);
    return;
  }
  throw refuse(path,
               "unknown input " + describe(input) +
                   "; expected one of input_ids, attention_mask, token_type_ids, position_ids, "
                   "task_id and task_ids");
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Scores of a head that stands on the encoder are no embeddings, whatever their shape.
bool is_scores(const GraphValue& output) { return output.name.find("logits") != std::string::npos; }

const GraphValue* token_embeddings(const std::vector<GraphValue>& outputs) {
  const GraphValue* first = nullptr;
  for (const GraphValue& output : outputs) {
    if (!output.is_float() || output.shape.size() != 3 || is_scores(output)) continue;
    if (is_one_of(output.name, {"last_hidden_state", "token_embeddings"})) return &output;
    if (first == nullptr) first = &output;
  }
  return first;
}

const GraphValue* pooled_vectors(const std::vector<GraphValue>& outputs) {
  for (const GraphValue& output : outputs) {
    const bool named =
        is_one_of(output.name, {"sentence_embedding", "sentence_embeddings", "embedding",
                                "embeddings", "text_embedding", "text_embeddings", "text_embeds"});
    if (named && output.is_float() && output.shape.size() == 2) return &output;
  }
  return nullptr;
}

void read_output(const std::vector<GraphValue>& outputs, const std::string& path, GraphIo& io) {
  const GraphValue* output = token_embeddings(outputs);
  if (output == nullptr) {
    output = pooled_vectors(outputs);
    io.pooled = output != nullptr;
  }
  if (output == nullptr) {
    const bool head = std::any_of(outputs.begin(), outputs.end(), is_scores);
    throw refuse(
        path, std::string(head ? "a classifier or language model, not an embedding model: " : "") +
                  "no output with token embeddings [batch, tokens, width] or "
                  "sentence_embedding [batch, width] in float32, float16 or bfloat16; the "
                  "graph has " +
                  describe(outputs));
  }
  io.output = output->name;
  io.width = output->shape.back() > 0 ? static_cast<std::size_t>(output->shape.back()) : 0;
}

// All but the output.
GraphIo read_inputs(const std::vector<GraphValue>& inputs, const std::string& path) {
  GraphIo io;
  const GraphValue* ids = find(inputs, "input_ids");
  for (const GraphValue& input : inputs) read_input(input, ids, path, io);
  if (io.ids.empty()) {
    throw refuse(path, "no input input_ids; the graph has " + describe(inputs));
  }
  if (io.length > 0 && io.attention_mask.empty()) {
    throw refuse(path,
                 "input " + describe(*ids) +
                     " has a fixed length and there is no attention_mask to pad shorter texts "
                     "with; export the model with a dynamic axis for the tokens");
  }
  return io;
}

}  // namespace

bool GraphIo::is_narrow(const std::string& input) const {
  return std::find(narrow.begin(), narrow.end(), input) != narrow.end();
}

GraphIo read_graph_io(const std::vector<GraphValue>& inputs, const std::vector<GraphValue>& outputs,
                      const std::string& path) {
  GraphIo io = read_inputs(inputs, path);
  read_output(outputs, path, io);
  return io;
}

GraphIo read_classifier_io(const std::vector<GraphValue>& inputs,
                           const std::vector<GraphValue>& outputs, const std::string& path) {
  GraphIo io = read_inputs(inputs, path);
  const GraphValue* logits = find(outputs, "logits");
  if (logits == nullptr || !logits->is_float() || logits->shape.size() != 2) {
    throw refuse(path,
                 "no output logits [batch, labels] in float32, float16 or bfloat16, which a "
                 "classifier has; the graph has " +
                     describe(outputs));
  }
  io.output = logits->name;
  io.pooled = true;
  io.width = logits->shape[1] > 0 ? static_cast<std::size_t>(logits->shape[1]) : 0;
  return io;
}

}  // namespace nestvec
