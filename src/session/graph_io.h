// SPDX-License-Identifier: Apache-2.0
// What a graph's declared inputs and outputs mean: the names that exporters use, adapted to at
// load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nestvec {

// An input or output as the graph declares it. Symbolic dimensions have size -1 and a name.
struct GraphValue {
  std::string name;
  std::string type;  // "float32", "float16", "bfloat16", "int64", "int32", or for messages alone
  std::vector<std::int64_t> shape;
  std::vector<std::string> symbols;  // one an axis, empty where the size is fixed

  bool is_float() const { return type == "float32" || type == "float16" || type == "bfloat16"; }
  bool is_integer() const { return type == "int64" || type == "int32"; }
};

// How the graph takes the task.
enum class TaskInput {
  kNone,
  kPerSequence,   // integer [B], -1 = base weights: graphs that nestvec compiled
  kScalarPerRun,  // integer [], the official jina-embeddings-v3 export
  kVectorPerRun,  // integer [1], re-exports of it
};

// The graph's calling convention.
struct GraphIo {
  std::string ids;             // integer [B, S]
  std::string attention_mask;  // integer [B, S]; empty: the graph takes full rectangles only
  std::string token_type_ids;  // integer [B, S]; may be empty
  std::string position_ids;    // integer [B, S]; may be empty
  std::string task;
  TaskInput task_input = TaskInput::kNone;
  std::vector<std::string> narrow;  // inputs that are int32, others are int64
  std::size_t rows = 0;             // B where it is fixed, else 0
  std::size_t length = 0;           // S where it is fixed, else 0
  std::string output;               // float [B, S, width], or [B, width] where it is pooled
  bool pooled = false;
  std::size_t width = 0;  // 0 where the graph does not declare it

  bool is_narrow(const std::string& input) const;
};

// Reads the convention off the declarations. Token embeddings are the float output of rank 3 called
// last_hidden_state or token_embeddings, else the first one that is not called logits; without one,
// an output of rank 2 counts that bears a name of pooled vectors (sentence_embedding). `path`
// stands in errors. Throws Error kInvalidArgument for an input that is none of the above, a missing
// input_ids, a fixed length without an attention_mask, or a missing output, listing what the graph
// has.
GraphIo read_graph_io(const std::vector<GraphValue>& inputs, const std::vector<GraphValue>& outputs,
                      const std::string& path);

// The same of a classifier: its output is the one of rank 2 called logits, which counts as pooled.
// Throws Error kInvalidArgument where there is none, too.
GraphIo read_classifier_io(const std::vector<GraphValue>& inputs,
                           const std::vector<GraphValue>& outputs, const std::string& path);

}  // namespace nestvec
