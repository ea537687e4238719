// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_request.h"

#include <gtest/gtest.h>

#include "dialects/tei/tei_style.h"
#include "support/test_rules.h"

namespace nestvec {
namespace {

class TeiRequest : public testing::Test {
 protected:
  // Reads a body with one of the readers; its document lives as long as the test.
  template <typename Read>
  auto with(const std::string& json, Read read) const {
    const JsonDocument document = JsonDocument::parse(json, "body");
    return read(document.root(), made_up_.rules());
  }
  EmbedOptions options(const std::string& json) const {
    return with(json, [](const JsonValue& body, const InputRules& rules) {
      return read_tei_options(body, rules);
    });
  }
  template <typename Read>
  RequestError refused(const std::string& json, Read read) const {
    const auto error = request_error([&] { with(json, read); });
    EXPECT_TRUE(error.has_value()) << json;
    return error.value_or(RequestError(ErrorCode::kUnknown, "nothing was thrown"));
  }
  RequestError refused_options(const std::string& json) const {
    return refused(json, [](const JsonValue& body, const InputRules& rules) {
      read_tei_options(body, rules);
    });
  }

  TestRules made_up_;
};

TEST_F(TeiRequest, DefaultsAreThoseOfTei) {
  const EmbedOptions plain = options("{}");
  EXPECT_EQ(plain.truncation, Truncation::kRight);
  EXPECT_EQ(plain.normalize, true);
  EXPECT_EQ(plain.task, "");
  EXPECT_EQ(plain.dimensions, 0u);
  const EmbedOptions null =
      options(R"({"truncate":null,"truncation_direction":null,"prompt_name":null,"normalize":null,)"
              R"("dimensions":null,"task":null,"unknown":1})");
  EXPECT_EQ(null.truncation, Truncation::kRight);
  EXPECT_EQ(null.normalize, true);
}

TEST_F(TeiRequest, Options) {
  EXPECT_EQ(options(R"({"truncate":false})").truncation, Truncation::kError);
  EXPECT_EQ(options(R"({"truncate":false,"truncation_direction":"Left"})").truncation,
            Truncation::kError);
  EXPECT_EQ(options(R"({"truncation_direction":"Left"})").truncation, Truncation::kLeft);
  EXPECT_EQ(options(R"({"truncate":true,"truncation_direction":"left"})").truncation,
            Truncation::kLeft);
  EXPECT_EQ(options(R"({"truncation_direction":"right"})").truncation, Truncation::kRight);
  EXPECT_EQ(options(R"({"normalize":false})").normalize, false);
  EXPECT_EQ(options(R"({"dimensions":32})").dimensions, 32u);
  EXPECT_EQ(options(R"({"prompt_name":"query"})").task, "retrieval.query");
  EXPECT_EQ(options(R"({"prompt_name":"retrieval.passage"})").task, "retrieval.passage");
  EXPECT_EQ(options(R"({"task":"clustering"})").task, "separation");
  EXPECT_EQ(options(R"({"prompt_name":"query","task":"retrieval.query"})").task, "retrieval.query");
}

TEST_F(TeiRequest, WrongOptionsNameTheirMember) {
  EXPECT_EQ(refused_options(R"({"truncate":"yes"})").param(), "truncate");
  EXPECT_EQ(refused_options(R"({"truncation_direction":"Up"})").param(), "truncation_direction");
  EXPECT_EQ(refused_options(R"({"truncation_direction":1})").param(), "truncation_direction");
  EXPECT_EQ(refused_options(R"({"normalize":1})").param(), "normalize");
  for (const char* bad : {"0", "65", "-1", "1.5", "\"64\"", "1e300", "18446744073709551615"}) {
    EXPECT_EQ(refused_options("{\"dimensions\":" + std::string(bad) + "}").param(), "dimensions");
  }
  const RequestError unknown = refused_options(R"({"prompt_name":"poetry"})");
  EXPECT_EQ(unknown.param(), "prompt_name");
  EXPECT_EQ(unknown.fault(), Fault::kUnprocessable);
  EXPECT_EQ(refused_options(R"({"prompt_name":"query","task":"separation"})").param(),
            "prompt_name");
}

TEST_F(TeiRequest, InputsInAllForms) {
  const auto one = with(R"({"inputs":"h\u00e9"})", read_tei_inputs);
  EXPECT_EQ(one.call.texts, std::vector<std::string>{"h\xC3\xA9"});
  EXPECT_FALSE(one.batch);
  EXPECT_EQ(one.characters, 2u);
  const auto list = with(R"({"inputs":["a"]})", read_tei_inputs);
  EXPECT_TRUE(list.batch);
  const auto ids = with(R"({"inputs":[1,2]})", read_tei_inputs);
  EXPECT_EQ(ids.call.texts, std::vector<std::string>{"<1,2>"});
  EXPECT_FALSE(ids.batch);
  const auto mixed = with(R"({"inputs":[[1,2],"b",[3]]})", read_tei_inputs);
  EXPECT_EQ(mixed.call.texts, (std::vector<std::string>{"<1,2>", "b", "<3>"}));
  EXPECT_TRUE(mixed.batch);
  const auto own = with(R"({"inputs":["a",{"text":"b","task":"query"}]})", read_tei_inputs);
  EXPECT_EQ(own.call.tasks, (std::vector<std::string>{"", "retrieval.query"}));
}

TEST_F(TeiRequest, WrongInputs) {
  EXPECT_EQ(refused("{}", read_tei_inputs).param(), "inputs");
  for (const char* empty : {"\"\"", "[]", "[\"\"]", "[\"a\",\"\"]", "[[]]"}) {
    const std::string body = "{\"inputs\":" + std::string(empty) + "}";
    EXPECT_EQ(refused(body, read_tei_inputs).fault(), Fault::kEmpty) << body;
  }
  for (const char* wrong : {"1", "true", "{}", "[null]", "[1,\"a\"]", "[[\"a\"]]", "[1e9]", "[-1]",
                            "[100]", "[[1,2.5]]"}) {
    const std::string body = "{\"inputs\":" + std::string(wrong) + "}";
    EXPECT_EQ(refused(body, read_tei_inputs).code(), ErrorCode::kInvalidArgument) << body;
  }
}

TEST_F(TeiRequest, TooManyInputsAreABatchSizeError) {
  const std::string nine = R"(["1","2","3","4","5","6","7","8","9"])";
  EXPECT_STREQ(refused("{\"inputs\":" + nine + "}", read_tei_inputs).what(),
               "batch size 9 > maximum allowed batch size 8");
  EXPECT_THROW(with("{\"inputs\":" + nine + "}", read_tei_inputs), BatchSizeError);
  EXPECT_THROW(with("{\"inputs\":" + nine + "}", read_tokenize), BatchSizeError);
  // The source sentence is one, too.
  const std::string eight = R"(["1","2","3","4","5","6","7","8"])";
  EXPECT_THROW(
      with(R"({"inputs":{"source_sentence":"a","sentences":)" + eight + "}}", read_similarity),
      BatchSizeError);
  EXPECT_THROW(with("{\"ids\":[[1],[1],[1],[1],[1],[1],[1],[1],[1]]}", read_decode),
               BatchSizeError);
  // Nine ids are one input.
  EXPECT_EQ(with(R"({"inputs":[1,2,3,4,5,6,7,8,9]})", read_tei_inputs).call.texts.size(), 1u);
}

TEST_F(TeiRequest, Similarity) {
  const EmbedCall call =
      with(R"({"inputs":{"source_sentence":"a","sentences":["b","c"]},)"
           R"("parameters":{"truncate":false,"prompt_name":"query","normalize":false}})",
           read_similarity);
  EXPECT_EQ(call.texts, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(call.options.truncation, Truncation::kError);
  EXPECT_EQ(call.options.task, "retrieval.query");
  EXPECT_EQ(call.options.normalize, true);
  EXPECT_EQ(refused(R"({"inputs":["a"]})", read_similarity).param(), "inputs");
  EXPECT_EQ(refused(R"({"inputs":{"sentences":["a"]}})", read_similarity).param(),
            "source_sentence");
  EXPECT_EQ(
      refused(R"({"inputs":{"source_sentence":"a","sentences":"b"}})", read_similarity).param(),
      "inputs.sentences");
  EXPECT_EQ(
      refused(R"({"inputs":{"source_sentence":"a","sentences":["b",1]}})", read_similarity).param(),
      "inputs.sentences[1]");
  for (const char* empty :
       {R"({"source_sentence":"a","sentences":[]})", R"({"source_sentence":"","sentences":["a"]})",
        R"({"source_sentence":"a","sentences":[""]})"}) {
    EXPECT_EQ(refused("{\"inputs\":" + std::string(empty) + "}", read_similarity).fault(),
              Fault::kEmpty);
  }
}

TEST_F(TeiRequest, Tokenize) {
  const TokenizeCall plain = with(R"({"inputs":"a"})", read_tokenize);
  EXPECT_EQ(plain.texts, std::vector<std::string>{"a"});
  EXPECT_TRUE(plain.add_special);
  const TokenizeCall prompted = with(
      R"({"inputs":["a","b"],"add_special_tokens":false,"prompt_name":"query"})", read_tokenize);
  EXPECT_EQ(prompted.texts, (std::vector<std::string>{"Query: a", "Query: b"}));
  EXPECT_FALSE(prompted.add_special);
  EXPECT_EQ(refused(R"({"inputs":1})", read_tokenize).param(), "inputs");
  EXPECT_EQ(refused(R"({"inputs":["a",[1]]})", read_tokenize).param(), "inputs[1]");
  EXPECT_EQ(refused(R"({"inputs":[]})", read_tokenize).fault(), Fault::kEmpty);
}

TEST_F(TeiRequest, Decode) {
  using Ids = std::vector<std::vector<std::uint32_t>>;
  const DecodeCall one = with(R"({"ids":[1,2]})", read_decode);
  EXPECT_EQ(one.ids, (Ids{{1, 2}}));
  EXPECT_TRUE(one.skip_special);
  const DecodeCall lists = with(R"({"ids":[[1],[]],"skip_special_tokens":false})", read_decode);
  EXPECT_EQ(lists.ids, (Ids{{1}, {}}));
  EXPECT_FALSE(lists.skip_special);
  EXPECT_EQ(refused(R"({"ids":[]})", read_decode).fault(), Fault::kEmpty);
  for (const char* wrong : {"1", "\"a\"", "[-1]", "[4294967296]", "[[1],2]", "[1,[2]]", "[1.5]"}) {
    const std::string body = "{\"ids\":" + std::string(wrong) + "}";
    EXPECT_EQ(refused(body, read_decode).code(), ErrorCode::kInvalidArgument) << body;
  }
}

TEST_F(TeiRequest, WhatTokenizesOrDecodesIsBounded) {
  const std::string long_text(5u << 20, 'a');
  EXPECT_EQ(refused("{\"inputs\":\"" + long_text + "\"}", read_tokenize).param(), "inputs");
  std::string ids = "{\"ids\":[1";
  for (std::size_t i = 0; i < (1u << 20); ++i) ids += ",1";
  EXPECT_EQ(refused(ids + "]}", read_decode).param(), "ids");
}

}  // namespace
}  // namespace nestvec
