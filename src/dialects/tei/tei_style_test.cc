// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_style.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

std::string tei(const Error& error) {
  const HttpResponse response = tei_errors().render(error);
  return std::to_string(response.status) + " " + response.body;
}

TEST(TeiStyle, StatusesAndTypesAreThoseOfTheTable) {
  using Code = ErrorCode;
  EXPECT_EQ(tei(Error(Code::kInvalidArgument, "a")),
            R"(422 {"error":"a","error_type":"Validation"})");
  EXPECT_EQ(tei(Error(Code::kResourceExhausted, "a")),
            R"(429 {"error":"a","error_type":"Overloaded"})");
  EXPECT_EQ(tei(Error(Code::kUnavailable, "a")), R"(503 {"error":"a","error_type":"Unhealthy"})");
  EXPECT_EQ(tei(Error(Code::kInternal, "a")), R"(424 {"error":"a","error_type":"Backend"})");
  EXPECT_EQ(tei(Error(Code::kUnauthenticated, "a")),
            R"(401 {"error":"a","error_type":"Validation"})");
  EXPECT_EQ(tei(Error(Code::kNotFound, "a")), R"(404 {"error":"a","error_type":"Validation"})");
}

TEST(TeiStyle, FaultsGoBeforeCodes) {
  const auto status = [](Fault fault) {
    return tei_error(RequestError(ErrorCode::kInvalidArgument, "a", "", fault)).status;
  };
  EXPECT_EQ(status(Fault::kMalformed), 400);
  EXPECT_EQ(status(Fault::kEmpty), 400);
  EXPECT_EQ(status(Fault::kTooLarge), 413);
  EXPECT_EQ(status(Fault::kMediaType), 415);
  EXPECT_EQ(status(Fault::kMethod), 405);
  EXPECT_EQ(status(Fault::kUnprocessable), 422);
}

TEST(TeiStyle, AnEmptyInputIsToldInTheWordsThatClientsKnow) {
  EXPECT_EQ(tei(RequestError(ErrorCode::kInvalidArgument, "inputs[3] is empty; ...", "inputs[3]",
                             Fault::kEmpty)),
            R"(400 {"error":"`inputs` cannot be empty","error_type":"Empty","param":"inputs[3]"})");
}

TEST(TeiStyle, NamesTheTextAtFault) {
  EXPECT_EQ(tei(Error(ErrorCode::kInvalidArgument, "long", {.text = 3, .retry_after = {}})),
            R"(422 {"error":"long","error_type":"Validation","param":"inputs[3]"})");
  EXPECT_EQ(tei(RequestError(ErrorCode::kInvalidArgument, "\"", "dimensions")),
            R"(422 {"error":"\"","error_type":"Validation","param":"dimensions"})");
}

TEST(TeiStyle, TooManyInputsAreToldInTheWordsThatClientsKnow) {
  EXPECT_EQ(tei(BatchSizeError(33, 32, "inputs")),
            R"(422 {"error":"batch size 33 > maximum allowed batch size 32",)"
            R"("error_type":"Validation","param":"inputs"})");
}

TEST(TeiStyle, FailuresAreCountedAsTheyAreThere) {
  using Code = ErrorCode;
  const auto refused = [](Fault fault, std::string param = "inputs",
                          const ErrorDetail& detail = {}) {
    return te_failure(RequestError(Code::kInvalidArgument, "a", std::move(param), fault, detail));
  };
  EXPECT_EQ(te_failure(BatchSizeError(33, 32, "inputs")), "batch_size");
  EXPECT_EQ(te_failure(CountedError("validation", RequestError(Code::kInvalidArgument, "no list"))),
            "validation");
  EXPECT_EQ(refused(Fault::kEmpty), "tokenization");
  EXPECT_EQ(refused(Fault::kUnprocessable, "prompt_name"), "tokenization");
  EXPECT_EQ(refused(Fault::kNone, "inputs[1]", {.text = 1, .retry_after = {}}), "tokenization");
  EXPECT_EQ(refused(Fault::kNone, "dimensions"), "validation");
  EXPECT_EQ(te_failure(Error(Code::kInvalidArgument, "long")), "tokenization");
  EXPECT_EQ(te_failure(Error(Code::kResourceExhausted, "full")), "overloaded");
  EXPECT_EQ(te_failure(Error(Code::kCancelled, "gone")), "dropped");
  for (const Code code : {Code::kInternal, Code::kUnavailable, Code::kDeadlineExceeded}) {
    EXPECT_EQ(te_failure(Error(code, "a")), "inference");
  }
  // What cannot be read is not counted at all.
  for (const Fault fault : {Fault::kNone, Fault::kMalformed, Fault::kMediaType, Fault::kTooLarge}) {
    EXPECT_EQ(refused(fault), "");
  }
}

TEST(TeiStyle, SaysWhenToTryAgain) {
  const HttpResponse response =
      tei_errors().render(Error(ErrorCode::kResourceExhausted, "full",
                                {.text = {}, .retry_after = std::chrono::milliseconds(1500)}));
  ASSERT_FALSE(response.headers.empty());
  EXPECT_EQ(response.headers[0].first, "Retry-After");
  EXPECT_EQ(response.headers[0].second, "2");
}

TEST(TeiStyle, ErrorsOfItsOpenAiRouteAreNotNested) {
  const HttpResponse response =
      tei_openai_errors().render(Error(ErrorCode::kResourceExhausted, "full"));
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.body, R"({"message":"full","code":429,"type":"Overloaded"})");
}

}  // namespace
}  // namespace nestvec
