// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.h"

#include <gtest/gtest.h>

#include "tokenizer/tokenizer.h"

namespace nestvec {
namespace {

using Types = std::vector<std::uint32_t>;

TokenTypes types_of(const std::string& post_processor) {
  const std::string model =
      R"("model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5]]})";
  return Tokenizer::parse(R"({"post_processor": )" + post_processor + "," + model + "}", "t")
      .token_types();
}

std::string frame(int before, int text, int behind) {
  return R"({"type": "TemplateProcessing", "special_tokens": {"<": {"ids": [0, 1]}},
    "single": [{"SpecialToken": {"id": "<", "type_id": )" +
         std::to_string(before) + R"(}}, {"Sequence": {"id": "A", "type_id": )" +
         std::to_string(text) + R"(}}, {"SpecialToken": {"id": "<", "type_id": )" +
         std::to_string(behind) + "}}]}";
}

TEST(PostProcessor, ATemplateGivesTypesToItsPieces) {
  const TokenTypes types = types_of(frame(0, 1, 2));
  EXPECT_EQ(types.prefix, (Types{0, 0}));
  EXPECT_EQ(types.text, 1u);
  EXPECT_EQ(types.suffix, (Types{2, 2}));
  EXPECT_TRUE(types.any());
  EXPECT_EQ(types.largest(), 2u);
  Types all;
  for (std::size_t i = 0; i < 6; ++i) all.push_back(types.at(i, 6));
  EXPECT_EQ(all, (Types{0, 0, 1, 1, 2, 2}));
  EXPECT_FALSE(types_of(frame(0, 0, 0)).any());
}

// As tokenizers has it: what earlier steps have put around the text has the text's type then, and
// RoBERTa's step knows only type 0.
TEST(PostProcessor, StepsBehindOneAnotherGiveTypesInTurn) {
  const std::string bert = R"({"type": "BertProcessing", "sep": ["a", 1], "cls": ["a", 1]})";
  const std::string roberta = R"({"type": "RobertaProcessing", "sep": ["a", 1], "cls": ["a", 1]})";
  const auto sequence = [](const std::string& first, const std::string& second) {
    return R"({"type": "Sequence", "processors": [)" + first + "," + second + "]}";
  };
  EXPECT_FALSE(types_of(bert).any());
  EXPECT_EQ(types_of(sequence(bert, frame(2, 1, 3))).prefix, (Types{2, 2, 1}));
  EXPECT_EQ(types_of(sequence(bert, frame(2, 1, 3))).suffix, (Types{1, 3, 3}));
  EXPECT_EQ(types_of(sequence(frame(0, 1, 0), roberta)).text, 0u);
  EXPECT_EQ(types_of(sequence(frame(0, 1, 0), bert)).text, 1u);
}

}  // namespace
}  // namespace nestvec
