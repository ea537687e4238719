// SPDX-License-Identifier: Apache-2.0
#include "dialects/openai/openai_request.h"

#include <gtest/gtest.h>

#include "support/request_test.h"

namespace nestvec {
namespace {

using enum EmbeddingFormat;
using Texts = std::vector<std::string>;
using Formats = std::vector<EmbeddingFormat>;

class OpenAiRequestTest : public testing::Test {
 protected:
  OpenAiRequest read(const std::string& body) const {
    HttpRequest request;
    request.body = body;
    const JsonDocument document = read_json_body(request);
    return read_openai_request(document.root(), rules_);
  }

  // With `members` beside an input.
  OpenAiRequest with(const std::string& members) const {
    return read(R"({"input": "a", )" + members + "}");
  }

  std::string refusal(const std::string& members) const {
    return refusal_of([&] { with(members); });
  }

  // A token a byte.
  OpenAiRequest cut(const std::string& body) const {
    OpenAiRequest request = read(body);
    Pace pace;
    cut_documents(
        request, rules_,
        [](std::string_view text) {
          TokenizedText tokens;
          for (std::uint32_t i = 0; i < text.size(); ++i) tokens.offsets.emplace_back(i, i + 1);
          return tokens;
        },
        pace);
    return request;
  }

  ModelInfo model_ = described_model();
  InputRules rules_ = described_rules(model_);
};

TEST_F(OpenAiRequestTest, WhatIsLeftOutIsAsTheAuthorsRecommend) {
  const OpenAiRequest request = read(R"({"model": "anything", "input": ["a", "b"]})");
  EXPECT_EQ(request.call.texts, (Texts{"a", "b"}));
  EXPECT_EQ(request.call.options.task, "");
  EXPECT_EQ(request.call.options.dimensions, 0u);
  EXPECT_EQ(request.call.options.normalize, std::nullopt);
  EXPECT_EQ(request.call.options.truncation, Truncation::kRight);
  EXPECT_FALSE(request.call.options.late_chunking);
  EXPECT_EQ(request.formats, Formats{kFloat});
  EXPECT_FALSE(request.chunking);
}

TEST_F(OpenAiRequestTest, NullIsTheSameAsAbsentAndUnknownMembersAreIgnored) {
  const OpenAiRequest request = with(
      R"("model": null, "encoding_format": null, "embedding_type": null, "dimensions": null,
         "user": null, "task": null, "late_chunking": null, "truncate": null, "normalized": null,
         "chunking": null, "input_type": null, "metadata": {"a": [1]}, "proxy_server_request": 7)");
  EXPECT_EQ(request.call.options.truncation, Truncation::kRight);
  EXPECT_EQ(request.formats, Formats{kFloat});
}

TEST_F(OpenAiRequestTest, MembersOfBothDialects) {
  const OpenAiRequest request =
      with(R"("encoding_format": "base64", "dimensions": 256, "user": "u", "task": "query",
              "late_chunking": true, "truncate": false, "normalized": false)");
  EXPECT_EQ(request.formats, Formats{kBase64});
  EXPECT_EQ(request.call.options.dimensions, 256u);
  EXPECT_EQ(request.call.options.task, "retrieval.query");
  EXPECT_TRUE(request.call.options.late_chunking);
  EXPECT_EQ(request.call.options.truncation, Truncation::kError);
  EXPECT_EQ(request.call.options.normalize, false);
}

TEST_F(OpenAiRequestTest, TheTypeGoesBeforeTheFormatThatClientsSendUnasked) {
  EXPECT_EQ(with(R"("encoding_format": "base64", "embedding_type": ["float", "ubinary"])").formats,
            (Formats{kFloat, kUbinary}));
  EXPECT_EQ(with(R"("encoding_type": "binary")").formats, Formats{kBinary});
}

TEST_F(OpenAiRequestTest, NamesOfOtherApis) {
  EXPECT_EQ(with(R"("input_type": "passage")").call.options.task, "retrieval.passage");
  EXPECT_EQ(with(R"("input_type": "search_query", "task": "query")").call.options.task,
            "retrieval.query");
  EXPECT_EQ(with(R"("prompt_name": "passage")").call.options.task, "retrieval.passage");
  EXPECT_EQ(with(R"("truncate": "NONE")").call.options.truncation, Truncation::kError);
  EXPECT_EQ(with(R"("truncate": "START")").call.options.truncation, Truncation::kLeft);
  EXPECT_EQ(with(R"("truncate": "END")").call.options.truncation, Truncation::kRight);
}

TEST_F(OpenAiRequestTest, WrongMembersAreNamed) {
  EXPECT_EQ(refusal(R"("task": "sumarize")").substr(0, 9), "422 task:");
  EXPECT_EQ(refusal(R"("prompt_name": "sumarize")").substr(0, 16), "422 prompt_name:");
  EXPECT_EQ(refusal(R"("dimensions": 63, "embedding_type": "binary")").substr(0, 18),
            "400 embedding_type");
  const std::pair<const char*, const char*> expected[] = {
      {R"("task": 1)", "400 task: "},
      {R"("model": 1)", "400 model: "},
      {R"("dimensions": 2000)", "400 dimensions: "},
      {R"("dimensions": 0)", "400 dimensions: "},
      {R"("dimensions": -1, "modality": "text")", "400 dimensions: "},
      {R"("dimensions": "x")", "400 dimensions: "},
      {R"("encoding_format": "md5")", "400 encoding_format: "},
      {R"("embedding_type": {})", "400 embedding_type: "},
      {R"("late_chunking": "yes")", "400 late_chunking: "},
      {R"("normalized": 1)", "400 normalized: "},
      {R"("truncate": 1)", "400 truncate: "},
      {R"("truncate": "MIDDLE")", "400 truncate: "},
      {R"("chunking": true)", "400 chunking: "},
      {R"("chunking": {"by": "word"})", "400 chunking.by: "},
      {R"("chunking": {"by": 1})", "400 chunking.by: "},
      {R"("chunking": {"size": 0})", "400 chunking.size: "},
      {R"("chunking": {"size": 1.5})", "400 chunking.size: "},
      {R"("chunking": {"size": 1048577})", "400 chunking.size: "}};
  for (const auto& [members, beginning] : expected) {
    EXPECT_EQ(refusal(members).substr(0, std::string_view(beginning).size()), beginning) << members;
  }
  EXPECT_EQ(refusal_of([&] { read("{}"); }), "400 input: \"input\" is missing in the request");
  EXPECT_EQ(refusal_of([&] { read(R"({"input": null})"); }),
            "400 input: \"input\" is missing in the request");
}

TEST_F(OpenAiRequestTest, OneContextHasOneTask) {
  const std::string items = R"({"input": [{"text": "a", "task": "query"}, "b"], )";
  EXPECT_EQ(refusal_of([&] { read(items + R"("late_chunking": true})"); }).substr(0, 18),
            "400 late_chunking:");
  EXPECT_EQ(read(items + R"("late_chunking": true, "chunking": {}})").call.tasks,
            (Texts{"retrieval.query", ""}));
}

TEST_F(OpenAiRequestTest, HostileBodiesAreRefused) {
  const std::string deep(100'000, '[');
  const std::string cases[] = {"",
                               "null",
                               "[]",
                               "\"x\"",
                               "{",
                               deep,
                               R"({"input": )" + deep,
                               R"({"input": )" + deep + std::string(100'000, ']') + "}",
                               R"({"input": 1e999})",
                               R"({"input": [123456789012345678901234567890]})",
                               R"({"input": "a", "dimensions": 1e400})",
                               R"({"input": "a", "dimensions": -9223372036854775808})",
                               std::string("{\"input\": \"\0\"}", 14),
                               R"({"input": "a"} trailing)"};
  for (const std::string& body : cases) {
    EXPECT_EQ(refusal_of([&] { read(body); }).substr(0, 3), "400") << body.substr(0, 40);
  }
  EXPECT_EQ(read(R"({"input": "a", "input": "b"})").call.texts, Texts{"b"}) << "the last counts";
}

TEST_F(OpenAiRequestTest, DocumentsAreCut) {
  const OpenAiRequest request =
      cut("{\"input\": [\"\\u00e9\\u00e9. Two. \", \"  three\"], \"chunking\": {\"by\": "
          "\"sentence\"}}");
  EXPECT_EQ(request.call.texts, (Texts{"\u00e9\u00e9.", "Two.", "three"}));
  EXPECT_EQ(request.call.documents, (std::vector<std::size_t>{2, 1}));
  ASSERT_EQ(request.places.size(), 3u);
  EXPECT_EQ(request.places[1].document, 0u);
  EXPECT_EQ(request.places[1].chunk, 1u);
  EXPECT_EQ(request.places[1].start, 4u);
  EXPECT_EQ(request.places[1].end, 9u);
  EXPECT_EQ(request.places[2].document, 1u);
  EXPECT_EQ(request.places[2].chunk, 0u);
  EXPECT_EQ(request.places[2].start, 0u);
  EXPECT_EQ(request.places[2].end, 7u);
  EXPECT_EQ(cut(R"({"input": "abcdef", "chunking": {"by": "tokens", "size": 4}})").call.texts,
            (Texts{"abcd", "ef"}));
}

TEST_F(OpenAiRequestTest, ChunksKeepTheTaskOfTheirDocument) {
  const OpenAiRequest request =
      cut(R"({"input": ["A b. C d.", {"text": "E f. G", "task": "query"}], "chunking": {}})");
  EXPECT_EQ(request.call.tasks, (Texts{"", "", "retrieval.query", "retrieval.query"}));
}

TEST_F(OpenAiRequestTest, ABlankDocumentIsOneChunk) {
  const OpenAiRequest request = cut(R"({"input": ["a", " \n"], "chunking": {}})");
  EXPECT_EQ(request.call.documents, (std::vector<std::size_t>{1, 1}));
  EXPECT_EQ(request.places.at(1).end, 2u);
}

TEST_F(OpenAiRequestTest, ChunksOfLateChunkingHaveTokens) {
  // Words of letters are tokens, what else there is leaves none.
  const auto cut_words = [this](const std::string& body) {
    OpenAiRequest request = read(body);
    Pace pace;
    cut_documents(
        request, rules_,
        [](std::string_view text) {
          TokenizedText tokens;
          for (std::uint32_t i = 0; i < text.size(); ++i) {
            if (std::isalpha(static_cast<unsigned char>(text[i])) == 0) continue;
            tokens.offsets.emplace_back(i, i + 1);
          }
          return tokens;
        },
        pace);
    std::string chunks;
    for (const std::string& text : request.call.texts) chunks += "[" + text + "]";
    for (const ChunkPlace& place : request.places) chunks += " " + std::to_string(place.end);
    return chunks;
  };
  const std::string late = R"(, "late_chunking": true, "chunking": {}})";
  EXPECT_EQ(cut_words(R"({"input": "A b. 12! 3! C d.")" + late), "[A b. 12! 3!][C d.] 12 16");
  EXPECT_EQ(cut_words(R"({"input": "12! A b. C d. 3!")" + late), "[12! A b.][C d. 3!] 9 16");
  EXPECT_EQ(cut_words(R"({"input": "12! 3!")" + late), "[12! 3!] 6");
  EXPECT_EQ(cut_words(R"({"input": "Ab. 12! Bc.", "chunking": {}})"), "[Ab.][12!][Bc.] 4 8 11");
}

TEST_F(OpenAiRequestTest, MoreChunksThanVectorsAreGiven) {
  const auto refusal = [&](const std::string& input) {
    return refusal_of(
        [&] { cut(R"({"input": )" + input + R"(, "chunking": {"by": "tokens", "size": 2}})"); });
  };
  const std::string rest =
      " more than 4 chunks, the most that one request can return; make chunks larger or send fewer "
      "documents";
  EXPECT_EQ(refusal(R"(["A. B c. ", "D e. F g. H i."])"),
            "400 input[1]: input[0] to input[1] together have" + rest);
  EXPECT_EQ(refusal(R"("A b. C d. E f. G h. I j.")"), "400 input[0]: input[0] has" + rest);
}

Embeddings rows_of(std::size_t rows) {
  Embeddings result;
  result.rows = rows;
  result.width = 2;
  for (std::size_t i = 0; i < rows; ++i) {
    result.values.push_back(0.5f);
    result.values.push_back(static_cast<float>(i));
    result.tokens.push_back(static_cast<std::uint32_t>(i + 3));
  }
  return result;
}

std::string rendered(const OpenAiRequest& request, const Embeddings& rows, const ModelInfo& model) {
  Pace pace;
  return render_openai(request, rows, model, pace);
}

// Counts looks and ends the work at the one that it is told.
struct Gone {};
class Impatient {
 public:
  explicit Impatient(std::size_t enough)
      : pace_([this, enough] {
          if (++looks_ == enough) throw Gone();
        }) {}
  Pace& pace() { return pace_; }
  std::size_t looks() const { return looks_; }

 private:
  std::size_t looks_ = 0;
  Pace pace_;
};

TEST_F(OpenAiRequestTest, CuttingAndRenderingEndWhenNobodyWaits) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "\u200b";
  for (const char* by : {"sentence", "tokens"}) {
    OpenAiRequest request =
        read(R"({"input": ")" + text + R"(", "chunking": {"size": 1, "by": ")" + by + R"("}})");
    Impatient client(3);
    const auto tokenize = [](std::string_view) {
      TokenizedText tokens;
      tokens.offsets.assign(100000, {0, 3});
      return tokens;
    };
    EXPECT_THROW(cut_documents(request, rules_, tokenize, client.pace()), Gone);
    EXPECT_EQ(client.looks(), 3u);
  }
  Embeddings rows;
  rows.rows = 10000;
  rows.width = 16;
  rows.values.resize(rows.rows * rows.width);
  rows.tokens.resize(rows.rows);
  Impatient client(3);
  EXPECT_THROW(render_openai(read(R"({"input": "a"})"), rows, model_, client.pace()), Gone);
  EXPECT_EQ(client.looks(), 3u);
}

TEST_F(OpenAiRequestTest, TheAnswerOfOpenAi) {
  EXPECT_EQ(rendered(read(R"({"input": ["a", "b"]})"), rows_of(2), model_),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,0]},)"
            R"({"object":"embedding","index":1,"embedding":[0.5,1]}],"model":"jina-embeddings-v3",)"
            R"("usage":{"prompt_tokens":7,"total_tokens":7},"task":"text-matching"})");
}

TEST_F(OpenAiRequestTest, TasksTruncationAndPlacesInTheAnswer) {
  Embeddings rows = rows_of(2);
  rows.truncated = {0, 1};
  const OpenAiRequest request =
      cut(R"({"input": [{"text": "a", "task": "query"}, "b"], "chunking": {}})");
  const JsonDocument answer = JsonDocument::parse(rendered(request, rows, model_), "answer");
  const JsonValue root = answer.root();
  EXPECT_EQ(root.at("truncated").elements()[1].integer(), 1);
  const std::vector<JsonValue> data = root.at("data").elements();
  EXPECT_EQ(data[0].at("task").string(), "retrieval.query");
  EXPECT_EQ(data[1].at("task").string(), "text-matching");
  EXPECT_EQ(data[1].at("document").integer(), 1);
  EXPECT_EQ(data[1].at("chunk").integer(), 0);
  EXPECT_EQ(data[1].at("start").integer(), 0);
  EXPECT_EQ(data[1].at("end").integer(), 1);
  model_.tasks.clear();
  const std::string plain = rendered(read(R"({"input": "a"})"), rows_of(1), model_);
  EXPECT_EQ(plain.find("task"), std::string::npos);
  EXPECT_EQ(plain.find("truncated"), std::string::npos);
}

TEST_F(OpenAiRequestTest, FieldsOfOtherServersAreUnderstood) {
  EXPECT_EQ(read(R"({"input":"a","output_dimension":64,"output_dtype":"int8"})").formats.front(),
            EmbeddingFormat::kInt8);
  EXPECT_EQ(read(R"({"input":"a","output_dimension":64})").call.options.dimensions, 64u);
  EXPECT_EQ(read(R"({"input":"a","dimensions":0,"modality":"text"})").call.options.dimensions, 0u)
      << "Infinity's client sends both always";
  for (const char* off : {"normalized", "normalize", "use_activation", "normalize_embeddings"}) {
    EXPECT_EQ(with("\"" + std::string(off) + "\":false").call.options.normalize, false) << off;
  }
  const auto truncation = [&](const std::string& members) {
    return with(members).call.options.truncation;
  };
  EXPECT_EQ(truncation(R"("truncation":false)"), Truncation::kError);
  EXPECT_EQ(truncation(R"("truncation":true)"), Truncation::kRight);
  EXPECT_EQ(truncation(R"("truncate_prompt_tokens":-1,"truncation_side":"left")"),
            Truncation::kLeft);
  EXPECT_EQ(truncation(R"("truncate":true,"truncation_side":"left")"), Truncation::kLeft);
  EXPECT_EQ(truncation(R"("truncate_prompt_tokens":1e30)"), Truncation::kRight);
  EXPECT_EQ(read(R"({"input":"a","model":"jina-embeddings-v3:query"})").call.options.task,
            "retrieval.query");
  EXPECT_EQ(read(R"({"input":"a","model":"jina-embeddings-v3:query","task":"separation"})")
                .call.options.task,
            "separation");
}

TEST_F(OpenAiRequestTest, FieldsThatAreNotDoneAreRefused) {
  for (const auto& [member, harmless] : {std::pair{R"("return_multivector":1)", "true"},
                                         {R"("add_special_tokens":false)", "true"},
                                         {R"("embed_dtype":"float16")", "\"float32\""},
                                         {R"("endianness":"big")", "\"little\""},
                                         {R"("modality":"image")", "\"text\""},
                                         {R"("messages":[{}])", "[]"},
                                         {R"("prompt":"q: ")", "\"\""},
                                         {R"("pooling":"cls")", "null"},
                                         {R"("truncate_dim":32)", "null"},
                                         {R"("dims":32)", "null"},
                                         {R"("embedding_types":["binary"])", "null"},
                                         {R"("texts":["b"])", "null"},
                                         {R"("max_length":4)", "8192"},
                                         {R"("truncate_prompt_tokens":10)", "-1"},
                                         {R"("truncate_prompt_tokens":-2)", "null"},
                                         {R"("truncation_side":"middle")", "null"},
                                         {R"("normalize":1)", "true"}}) {
    const std::string text = member;
    const std::string name = text.substr(1, text.find('"', 1) - 1);
    EXPECT_TRUE(refusal(text).starts_with("400 " + name + ": ")) << refusal(text);
    EXPECT_EQ(refusal("\"" + name + "\":" + harmless), "no error") << name;
    EXPECT_EQ(refusal("\"" + name + "\":null"), "no error") << name;
  }
}

TEST_F(OpenAiRequestTest, NamesForTheSameMustAgree) {
  for (const auto& [members, param] :
       {std::pair{R"("task":"query","input_type":"passage")", "input_type"},
        {R"("task":"query","prompt_name":"passage")", "prompt_name"},
        {R"("dimensions":64,"output_dimension":32)", "output_dimension"},
        {R"("normalized":true,"normalize":false)", "normalize"},
        {R"("truncate":true,"truncation":false)", "truncation"},
        {R"("truncate":"NONE","truncation":true)", "truncation"}}) {
    EXPECT_TRUE(refusal(members).starts_with("422 " + std::string(param) + ": "))
        << members << refusal(members);
  }
  for (const char* members :
       {R"("task":"query","input_type":"search_query","prompt_name":"query")",
        R"("dimensions":64,"output_dimension":64)", R"("normalized":true,"normalize":true)",
        R"("truncate":"START","truncation":true)", R"("task":"","input_type":"passage")"}) {
    EXPECT_EQ(refusal(members), "no error") << members;
  }
}

TEST_F(OpenAiRequestTest, TheTaskOfAllItemsIsTheAnswers) {
  const auto task = [this](const std::string& input, std::size_t rows) {
    const std::string text = rendered(read("{\"input\": " + input + "}"), rows_of(rows), model_);
    const JsonDocument answer = JsonDocument::parse(text, "answer");
    return std::string(answer.root().at("task").string());
  };
  EXPECT_EQ(task(R"([{"text": "a"}])", 1), "text-matching");
  const std::string query = R"({"text": "a", "task": "query"})";
  EXPECT_EQ(task("[" + query + "," + query + "]", 2), "retrieval.query");
  EXPECT_EQ(task("[" + query + R"(,"b"])", 2), "text-matching");
}

}  // namespace
}  // namespace nestvec
