// SPDX-License-Identifier: Apache-2.0
#include "session/graph_io.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

GraphValue integers(std::string name, std::vector<std::int64_t> shape,
                    std::vector<std::string> symbols) {
  return {std::move(name), "int64", std::move(shape), std::move(symbols)};
}

GraphValue floats(std::string name, std::vector<std::int64_t> shape) {
  GraphValue value{std::move(name), "float32", std::move(shape), {}};
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
  return error_of([&] { read_graph_io(inputs, outputs, "dir/model.onnx"); });
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
  GraphValue wide = floats("h", {-1, -1, 8});
  wide.type = "float64";
  EXPECT_NE(message_of({kIds}, {wide}).find("h float64"), std::string::npos);
  GraphValue ids = kIds;
  ids.type = "float32";
  EXPECT_NE(message_of({ids}, outputs).find("not int64 or int32"), std::string::npos);
  ids = integers("input_ids", {-1}, {"n"});
  EXPECT_NE(message_of({ids}, outputs).find("is not of shape [batch, tokens]"), std::string::npos);
}

TEST(ReadGraphIo, HalfPrecisionAndInt32AreTaken) {
  GraphValue half = floats("h", {-1, -1, 8});
  half.type = "float16";
  GraphValue ids = kIds;
  ids.type = "int32";
  const GraphIo io = read_graph_io({ids, kMask}, {half}, "m");
  EXPECT_EQ(io.output, "h");
  EXPECT_TRUE(io.is_narrow("input_ids"));
  EXPECT_FALSE(io.is_narrow("attention_mask"));
}

TEST(ReadGraphIo, PooledVectorsCountWhereThereAreNoTokenEmbeddings) {
  const GraphIo io = read_graph_io({kIds, kMask}, {floats("sentence_embedding", {-1, 8})}, "m");
  EXPECT_TRUE(io.pooled);
  EXPECT_EQ(io.output, "sentence_embedding");
  EXPECT_EQ(io.width, 8u);
  EXPECT_FALSE(read_graph_io({kIds, kMask},
                             {floats("hidden_states.0", {-1, -1, 8}), floats("pooled", {-1, 8}),
                              floats("last_hidden_state", {-1, -1, 8})},
                             "m")
                   .pooled);
}

TEST(ReadGraphIo, ScoresAreNoEmbeddings) {
  EXPECT_NE(message_of({kIds}, {floats("logits", {-1, 2})}).find("a classifier"),
            std::string::npos);
  EXPECT_NE(message_of({kIds}, {floats("logits", {-1, -1, 30522})}).find("a classifier"),
            std::string::npos);
  EXPECT_NE(message_of({kIds}, {floats("pooler_output", {-1, 8})}).find("pooler_output"),
            std::string::npos);
}

TEST(ReadClassifierIo, TakesTheScoresAndNothingElse) {
  const GraphIo io = read_classifier_io(
      {kIds, kMask}, {floats("last_hidden_state", {-1, -1, 8}), floats("logits", {-1, 3})}, "m");
  EXPECT_EQ(io.output, "logits");
  EXPECT_TRUE(io.pooled);
  EXPECT_EQ(io.width, 3u);
  EXPECT_EQ(read_classifier_io({kIds}, {floats("logits", {-1, -1})}, "m").width, 0u);
  for (const GraphValue& output : {floats("logits", {-1, -1, 3}), floats("scores", {-1, 3}),
                                   integers("logits", {-1, 3}, {"", ""})}) {
    const std::string error = error_of([&] { read_classifier_io({kIds}, {output}, "m"); });
    EXPECT_NE(error.find("m: no output logits [batch, labels]"), std::string::npos) << error;
    EXPECT_NE(error.find(output.name), std::string::npos) << error;
  }
}

TEST(ReadGraphIo, FixedSizesAreFoundAndMustAgree) {
  const std::vector<GraphValue> outputs = {floats("h", {-1, -1, 8})};
  const GraphIo io = read_graph_io(
      {integers("input_ids", {1, 16}, {"", ""}), integers("attention_mask", {-1, 16}, {"b", ""})},
      outputs, "m");
  EXPECT_EQ(io.rows, 1u);
  EXPECT_EQ(io.length, 16u);
  EXPECT_EQ(read_graph_io({kIds, kMask}, outputs, "m").rows, 0u);
  EXPECT_NE(message_of({integers("input_ids", {-1, 16}, {"b", ""})}, outputs)
                .find("a fixed length and there is no attention_mask"),
            std::string::npos);
  EXPECT_NE(message_of({integers("input_ids", {-1, 16}, {"b", ""}),
                        integers("attention_mask", {-1, 8}, {"b", ""})},
                       outputs)
                .find("does not fit"),
            std::string::npos);
}

}  // namespace
}  // namespace nestvec
