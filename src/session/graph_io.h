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
  bool is_float = false;  // float32
  bool is_int64 = false;
  std::string type_name;  // "float16", for messages
  std::vector<std::int64_t> shape;
  std::vector<std::string> symbols;  // one an axis, empty where the size is fixed
};

// How the graph takes the task.
enum class TaskInput {
  kNone,
  kPerSequence,   // int64 [B], -1 = base weights: graphs that nestvec compiled
  kScalarPerRun,  // int64 [], the official jina-embeddings-v3 export
  kVectorPerRun,  // int64 [1], re-exports of it
};

// The graph's calling convention.
struct GraphIo {
  std::string ids;             // int64 [B, S]
  std::string attention_mask;  // int64 [B, S]; empty: the graph takes full rectangles only
  std::string token_type_ids;  // int64 [B, S], fed zeros; may be empty
  std::string position_ids;    // int64 [B, S], fed 0..S-1; may be empty
  std::string task;
  TaskInput task_input = TaskInput::kNone;
  std::string output;     // float [B, S, width]
  std::size_t width = 0;  // 0 where the graph does not declare it
};

// Reads the convention off the declarations: the first float output of rank 3 holds the token
// embeddings, whatever it is called. `path` stands in errors. Throws Error kInvalidArgument for an
// input that is none of the above, a missing input_ids or a missing output, listing what the graph
// has.
GraphIo read_graph_io(const std::vector<GraphValue>& inputs, const std::vector<GraphValue>& outputs,
                      const std::string& path);

}  // namespace nestvec
