// SPDX-License-Identifier: Apache-2.0
// Clarifai's messages against what its SDK has sent and accepted (tests/data/clarifai/wire.json).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "dialects/clarifai/clarifai_model.h"
#include "dialects/clarifai/clarifai_predict.h"
#include "dialects/clarifai/clarifai_status.h"
#include "service/error_style.h"
#include "support/folders.h"

namespace nestvec {
namespace {

namespace api = clarifai::api;
using Answer = ClarifaiInput::Answer;

ModelInfo v3() {
  ModelInfo info;
  info.id = "jinaai-embeddings-v3";
  info.dimensions = 1024;
  info.tasks = {{"retrieval.query", ""}, {"separation", ""}};
  return info;
}

ModelIdentity identity() { return {.id = "", .user_id = "u", .app_id = "a"}; }

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// The recorded message of that description.
template <typename Message>
Message recorded(std::string_view list, std::string_view name_key, std::string_view name) {
  static const JsonDocument kDocument = JsonDocument::load(test_data() + "/clarifai/wire.json");
  Message message;
  for (const JsonValue& record : kDocument.root().at(list).elements()) {
    if (record.at(name_key).string() != name) continue;
    if (record.find("rpc") && record.at("rpc").string() != "PostModelOutputs") continue;
    EXPECT_TRUE(message.ParseFromString(from_hex(record.at("hex").string())));
    return message;
  }
  ADD_FAILURE() << "no record " << name;
  return message;
}

std::vector<ClarifaiInput> read(const api::PostModelOutputsRequest& request,
                                ClarifaiVariant variant = ClarifaiVariant::kBoth) {
  const ModelInfo info = v3();
  std::vector<ClarifaiInput> inputs;
  for (const api::Input& input : request.inputs()) {
    inputs.push_back(read_input(input, request.model().model_version().output_info().params(),
                                {info, variant, 2048}));
  }
  return inputs;
}

ClarifaiInput read_one(std::string_view call) {
  const auto request = recorded<api::PostModelOutputsRequest>("requests", "call", call);
  std::vector<ClarifaiInput> inputs = read(request);
  EXPECT_EQ(inputs.size(), 1U) << call;
  return inputs.at(0);
}

// Data of a call of predict with one argument.
api::PostModelOutputsRequest predict_with(const std::string& argument, const api::Data& value) {
  api::PostModelOutputsRequest request;
  api::Data* data = request.add_inputs()->mutable_data();
  (*data->mutable_metadata()->mutable_fields())["_method_name"].set_string_value("predict");
  api::Part* part = data->add_parts();
  part->set_id(argument);
  *part->mutable_data() = value;
  return request;
}

api::Data text(const std::string& value) {
  api::Data data;
  data.set_string_value(value);
  return data;
}

std::string refusal(const api::PostModelOutputsRequest& request,
                    ClarifaiVariant variant = ClarifaiVariant::kBoth) {
  try {
    read(request, variant);
  } catch (const Error& error) {
    EXPECT_EQ(clarifai_code(error), ClarifaiCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Clarifai, ReadsWhatTheSdkSends) {
  const ClarifaiInput one = read_one("predict(input=\"hello\") (first call)");
  EXPECT_EQ(one.answer, Answer::kOne);
  EXPECT_EQ(one.call.texts, std::vector<std::string>{"hello"});
  EXPECT_EQ(one.call.options.truncation, Truncation::kRight);
  EXPECT_EQ(read_one("predict(input=\"\") ").call.texts, std::vector<std::string>{""});

  const ClarifaiInput many = read_one("predict(texts=[\"a\",\"b\"])");
  EXPECT_EQ(many.answer, Answer::kMany);
  EXPECT_EQ(many.call.texts, (std::vector<std::string>{"a", "b"}));
  const ClarifaiInput none = read_one("predict(texts=[])");
  EXPECT_EQ(none.answer, Answer::kMany);
  EXPECT_TRUE(none.call.texts.empty());

  const auto batch = recorded<api::PostModelOutputsRequest>(
      "requests", "call", "predict([{\"input\":\"a\"},{\"input\":\"b\"}])");
  ASSERT_EQ(read(batch).size(), 2U);
  EXPECT_EQ(read(batch)[1].call.texts, std::vector<std::string>{"b"});
}

TEST(Clarifai, ReadsRawInputsWithParameters) {
  const ClarifaiInput bytes = read_one("predict_by_bytes(b\"hi\", input_type=\"text\")");
  EXPECT_EQ(bytes.answer, Answer::kEmbedding);
  EXPECT_EQ(bytes.call.texts, std::vector<std::string>{"hi"});
  const ClarifaiInput inputs = read_one(
      "predict(inputs=[get_text_input(\"1\",\"t\")], "
      "inference_params={\"task\":\"retrieval.query\"})");
  EXPECT_EQ(inputs.call.texts, std::vector<std::string>{"t"});
  EXPECT_EQ(inputs.call.options.task, "retrieval.query");
}

TEST(Clarifai, FetchesNoUrl) {
  try {
    read_one("predict_by_url(\"https://h/x.txt\", input_type=\"text\")");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(clarifai_code(error), ClarifaiCode::kUnsupportedInput);
  }
}

TEST(Clarifai, ReadsOptionalArguments) {
  api::PostModelOutputsRequest request = predict_with("input", text("x"));
  api::Data* data = request.mutable_inputs(0)->mutable_data();
  const auto add = [data](const std::string& id) {
    api::Part* part = data->add_parts();
    part->set_id(id);
    return part->mutable_data();
  };
  add("task")->set_string_value("clustering");
  add("dimensions")->set_int_value(64);
  add("late_chunking")->set_bool_value(true);
  const ClarifaiInput read_back = read(request).at(0);
  EXPECT_EQ(read_back.call.options.task, "separation");
  EXPECT_EQ(read_back.call.options.dimensions, 64U);
  EXPECT_TRUE(read_back.call.options.late_chunking);
}

TEST(Clarifai, NamesAWrongArgument) {
  EXPECT_NE(refusal(predict_with("text", text("x"))).find("no argument text"), std::string::npos);
  EXPECT_NE(refusal(predict_with("task", text("query"))).find("either input or texts"),
            std::string::npos);
  api::PostModelOutputsRequest both = predict_with("input", text("x"));
  both.mutable_inputs(0)->mutable_data()->add_parts()->set_id("texts");
  EXPECT_NE(refusal(both).find("either input or texts"), std::string::npos);
  EXPECT_NE(refusal(predict_with("texts", {}), ClarifaiVariant::kSingle).find("texts"),
            std::string::npos);
  api::PostModelOutputsRequest unknown = predict_with("input", text("x"));
  (*unknown.mutable_inputs(0)->mutable_data()->mutable_metadata()->mutable_fields())["_method_name"]
      .set_string_value("classify");
  EXPECT_NE(refusal(unknown).find("no method classify"), std::string::npos);

  api::PostModelOutputsRequest dimensions = predict_with("input", text("x"));
  api::Part* part = dimensions.mutable_inputs(0)->mutable_data()->add_parts();
  part->set_id("dimensions");
  for (const std::int64_t number : {-1, 0, 1025}) {
    part->mutable_data()->set_int_value(number);
    EXPECT_NE(refusal(dimensions).find("from 1 to 1024"), std::string::npos) << number;
  }
}

TEST(Clarifai, TheCarrierOfJsonFollowsTheSdk) {
  EXPECT_EQ(json_carrier("sdk-python-12.5.0"), JsonCarrier::kStruct);
  EXPECT_EQ(json_carrier("sdk-python-11.10.3"), JsonCarrier::kStruct);
  EXPECT_EQ(json_carrier("sdk-python-11.10.2"), JsonCarrier::kString);
  EXPECT_EQ(json_carrier("sdk-python-11.9.0"), JsonCarrier::kString);
  for (const char* unclear : {"", "sdk-python-", "sdk-python-12", "sdk-python-12.x.1", "curl"}) {
    EXPECT_EQ(json_carrier(unclear), JsonCarrier::kBoth) << unclear;
  }
}

// What is written for an answer, against a recorded response that the SDK took.
void expect_output(std::string_view record, Answer answer, ClarifaiVariant variant,
                   JsonCarrier carrier) {
  const bool one = answer == Answer::kOne || answer == Answer::kEmbedding;
  Embeddings rows;
  rows.rows = one ? 1 : 2;
  rows.width = 2;
  rows.values = {0.5F, -0.25F, 1.0F, 0.0F};
  rows.values.resize(rows.rows * rows.width);
  ClarifaiInput input;
  input.answer = answer;
  api::Output output;
  write_output(input, {rows, {}}, {variant, carrier}, &output);
  const auto expected = recorded<api::MultiOutputResponse>("responses", "what", record);
  EXPECT_EQ(output.data().SerializeAsString(), expected.outputs(0).data().SerializeAsString())
      << output.data().DebugString();
}

TEST(Clarifai, AnswersAreThoseThatTheSdkTakes) {
  using Variant = ClarifaiVariant;
  expect_output("PostModelOutputs List[float] [0.5,-0.25]", Answer::kOne, Variant::kSingle,
                JsonCarrier::kBoth);
  expect_output("PostModelOutputs JSON_DATA struct_value one", Answer::kOne, Variant::kBoth,
                JsonCarrier::kStruct);
  expect_output("PostModelOutputs JSON_DATA struct_value many", Answer::kMany, Variant::kBoth,
                JsonCarrier::kStruct);
  expect_output("PostModelOutputs JSON_DATA string_value (SDK < 11.10.3)", Answer::kOne,
                Variant::kBoth, JsonCarrier::kString);
  expect_output("PostModelOutputs legacy embeddings", Answer::kEmbedding, Variant::kBoth,
                JsonCarrier::kBoth);
}

// Here the SDK had left a zero out, which is written out now; it reads both.
TEST(Clarifai, AListOfListsHasAPartForEachElement) {
  Embeddings rows;
  rows.rows = 2;
  rows.width = 2;
  rows.values = {0.5F, -0.25F, 1.0F, 0.0F};
  ClarifaiInput input;
  input.answer = Answer::kMany;
  api::Output output;
  write_output(input, {rows, {}}, {ClarifaiVariant::kBatch, JsonCarrier::kBoth}, &output);
  const auto expected = recorded<api::MultiOutputResponse>(
      "responses", "what", "PostModelOutputs List[List[float]] [[0.5,-0.25],[1,0]]");
  const api::Part& mine = output.data().parts(0);
  const api::Part& theirs = expected.outputs(0).data().parts(0);
  EXPECT_EQ(mine.id(), theirs.id());
  ASSERT_EQ(mine.data().parts_size(), 2);
  for (int row = 0; row < 2; ++row) {
    ASSERT_EQ(mine.data().parts(row).data().parts_size(), 2);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(mine.data().parts(row).data().parts(i).data().float_value(),
                theirs.data().parts(row).data().parts(i).data().float_value());
    }
  }
}

TEST(Clarifai, SignaturesAreThoseThatTheSdkTakes) {
  const ModelInfo info = v3();
  const ClarifaiModel model(identity(), info);
  for (const auto& [variant, name] : {std::pair{ClarifaiVariant::kSingle, "single"},
                                      std::pair{ClarifaiVariant::kBatch, "batch"}}) {
    api::ModelVersion version;
    model.describe_version(variant, {}, &version);
    const auto expected = recorded<api::SingleModelVersionResponse>(
        "responses", "what", "GetModelVersion, signature '" + std::string(name) + "'");
    EXPECT_EQ(version.method_signatures(0).SerializeAsString(),
              expected.model_version().method_signatures(0).SerializeAsString())
        << version.DebugString();
  }
  api::ModelVersion version;
  model.describe_version(ClarifaiVariant::kBoth, {}, &version);
  api::MethodSignature both = version.method_signatures(0);
  EXPECT_EQ(both.input_fields_size(), 5);
  both.clear_description();
  both.mutable_input_fields()->DeleteSubrange(2, 3);
  for (api::ModelTypeField& field : *both.mutable_input_fields()) field.clear_description();
  const auto expected = recorded<api::SingleModelVersionResponse>(
      "responses", "what", "GetModelVersion, signature 'both'");
  EXPECT_EQ(both.SerializeAsString(),
            expected.model_version().method_signatures(0).SerializeAsString());
  EXPECT_NE(model.signatures_json(ClarifaiVariant::kBoth).find("\"JSON_DATA\""), std::string::npos);
}

TEST(Clarifai, ModelsAreFoundByNameOwnerAndVersion) {
  const ModelInfo info = v3();
  const ClarifaiModel model(identity(), info);
  api::UserAppIDSet owner;
  owner.set_user_id("u");
  owner.set_app_id("a");
  EXPECT_EQ(model.find(owner, "jinaai-embeddings-v3", ""), ClarifaiVariant::kBoth);
  EXPECT_EQ(model.find({}, "jinaai-embeddings-v3-single", ""), ClarifaiVariant::kSingle);
  EXPECT_EQ(model.find(owner, "jinaai-embeddings-v3-batch", "1"), ClarifaiVariant::kBatch);
  EXPECT_THROW(model.find(owner, "another", ""), Error);
  EXPECT_THROW(model.find(owner, "jinaai-embeddings-v3", "2"), Error);
  owner.set_user_id("somebody");
  EXPECT_THROW(model.find(owner, "jinaai-embeddings-v3", ""), Error);

  const ClarifaiModel anybodys({}, info);
  EXPECT_EQ(anybodys.find(owner, "jinaai-embeddings-v3", ""), ClarifaiVariant::kBoth);
  api::Model described;
  anybodys.describe(ClarifaiVariant::kBoth, owner, &described);
  EXPECT_EQ(described.user_id(), "somebody");
  EXPECT_EQ(described.model_version().status().code(), 21100);
  EXPECT_EQ(anybodys.find(owner, described.id(), described.model_version().id()),
            ClarifaiVariant::kBoth);
}

TEST(Clarifai, StatusesAreItsOwn) {
  const auto code = [](ErrorCode error) { return clarifai_code(Error(error, "")); };
  EXPECT_EQ(code(ErrorCode::kUnauthenticated), ClarifaiCode::kUnknownKey);
  EXPECT_EQ(code(ErrorCode::kNotFound), ClarifaiCode::kModelNotFound);
  EXPECT_EQ(code(ErrorCode::kInvalidArgument), ClarifaiCode::kInvalidArgument);
  EXPECT_EQ(code(ErrorCode::kResourceExhausted), ClarifaiCode::kModelBusy);
  EXPECT_EQ(code(ErrorCode::kUnavailable), ClarifaiCode::kModelLoading);
  EXPECT_EQ(code(ErrorCode::kInternal), ClarifaiCode::kInternal);
  EXPECT_EQ(code(ErrorCode::kDataLoss), ClarifaiCode::kPredictionFailed);
  const auto fault = [](Fault kind, ErrorCode error) {
    return clarifai_code(RequestError(error, "", "", kind));
  };
  EXPECT_EQ(fault(Fault::kNoKey, ErrorCode::kUnauthenticated), ClarifaiCode::kInvalidRequest);
  EXPECT_EQ(fault(Fault::kNoRoute, ErrorCode::kNotFound), ClarifaiCode::kNoSuchPath);
  EXPECT_EQ(fault(Fault::kMethod, ErrorCode::kUnimplemented), ClarifaiCode::kNoSuchMethod);
  EXPECT_EQ(fault(Fault::kUnprocessable, ErrorCode::kInvalidArgument),
            ClarifaiCode::kInvalidArgument);
  api::Status status;
  write_status(ClarifaiError(ErrorCode::kUnauthenticated, ClarifaiCode::kInvalidRequest, "why"),
               &status);
  EXPECT_EQ(status.code(), 11102);
  EXPECT_EQ(status.details(), "why");
  EXPECT_FALSE(status.description().empty());
}

}  // namespace
}  // namespace nestvec
