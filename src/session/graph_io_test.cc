// SPDX-License-Identifier: Apache-2.0
#include "session/graph_io.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

GraphValue integers(std::string name, std::vector<std::int64_t> shape,
                    std::vector<std::string> symbols) {
  return {std::move(name), false, true, "int64", std::move(shape), std::move(symbols)};
}

GraphValue floats(std::string name, std::vector<std::int64_t> shape) {
  GraphValue value{std::move(name), true, false, "float32", std::move(shape), {}};
  value.symbols.resize(value.shape.size());
  return value;
}

const GraphValue kIds = integers("input_ids", {-1, -1}, {"batch_size", "sequence_length"});
const GraphValue kMask = integers("attention_mask", {-1, -1}, {"batch_size", "sequence_length"});

TEST(ReadGraphIo, OfficialExportTakesAScalarTask) {
  const GraphIo io = read_graph_io(
      {kIds, kMask, integers("task_id", {}, {})},
      {floats("text_embeds", {-1, -1, 1024}), floats("13049", {-1, 1024})}, "model.onnx");
  EXPECT_EQ(io.task_input, TaskInput::kScalarPerRun);
  EXPECT_EQ(io.output, "text_embeds");
  EXPECT_EQ(io.width, 1024u);
  EXPECT_EQ(io.attention_mask, "attention_mask");
}

TEST(ReadGraphIo, TaskVectorsArePerRunUnlessTheyShareTheBatchAxis) {
  const std::vector<GraphValue> outputs = {floats("text_embeds", {-1, -1, -1})};
  EXPECT_EQ(read_graph_io({kIds, integers("task_id", {1}, {""})}, outputs, "m").task_input,
            TaskInput::kVectorPerRun);
  EXPECT_EQ(read_graph_io({kIds, integers("task_id", {-1}, {"n"})}, outputs, "m").task_input,
            TaskInput::kVectorPerRun);
  const GraphIo io =
      read_graph_io({kIds, integers("task_ids", {-1}, {"batch_size"})}, outputs, "m");
  EXPECT_EQ(io.task_input, TaskInput::kPerSequence);
  EXPECT_EQ(io.width, 0u);
}

TEST(ReadGraphIo, PicksTheTokenEmbeddingsByShape) {
  const GraphIo io = read_graph_io(
      {kIds}, {floats("sentence_embedding", {-1, 384}), floats("token_embeddings", {-1, -1, 384})},
      "m");
  EXPECT_EQ(io.output, "token_embeddings");
}

std::string message_of(const std::vector<GraphValue>& inputs,
                       const std::vector<GraphValue>& outputs) {
  try {
    read_graph_io(inputs, outputs, "dir/model.onnx");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(ReadGraphIo, ErrorsNameWhatTheGraphHas) {
  const std::vector<GraphValue> outputs = {floats("h", {-1, -1, 8})};
  EXPECT_EQ(message_of({kMask}, outputs),
            "dir/model.onnx: no input input_ids; the graph has attention_mask int64 "
            "[batch_size,sequence_length]");
  EXPECT_NE(
      message_of({kIds, integers("past", {2}, {""})}, outputs).find("unknown input past int64 [2]"),
      std::string::npos);
  EXPECT_NE(
      message_of({kIds}, {floats("pooler", {-1, 8})}).find("the graph has pooler float32 [?,8]"),
      std::string::npos);
  GraphValue half = floats("h", {-1, -1, 8});
  half.is_float = false;
  half.type_name = "float16";
  EXPECT_NE(message_of({kIds}, {half}).find("h float16"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
