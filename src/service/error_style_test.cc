// SPDX-License-Identifier: Apache-2.0
#include "service/error_style.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

TEST(HttpStatus, OneForEachCode) {
  const std::pair<ErrorCode, int> expected[] = {
      {ErrorCode::kInvalidArgument, 400},   {ErrorCode::kOutOfRange, 400},
      {ErrorCode::kUnauthenticated, 401},   {ErrorCode::kPermissionDenied, 403},
      {ErrorCode::kNotFound, 404},          {ErrorCode::kResourceExhausted, 429},
      {ErrorCode::kCancelled, 499},         {ErrorCode::kUnimplemented, 501},
      {ErrorCode::kUnavailable, 503},       {ErrorCode::kDeadlineExceeded, 504},
      {ErrorCode::kInternal, 500},          {ErrorCode::kUnknown, 500},
      {ErrorCode::kDataLoss, 500},          {ErrorCode::kAborted, 500},
      {ErrorCode::kFailedPrecondition, 400}};
  for (const auto& [code, status] : expected) EXPECT_EQ(http_status(code), status);
}

TEST(HttpStatus, AFaultOfTheRequestGoesBeforeItsCode) {
  const std::pair<Fault, int> expected[] = {{Fault::kNone, 400},     {Fault::kEmpty, 400},
                                            {Fault::kTooLarge, 413}, {Fault::kMediaType, 415},
                                            {Fault::kMethod, 405},   {Fault::kUnprocessable, 422}};
  for (const auto& [fault, status] : expected) {
    EXPECT_EQ(http_status(RequestError(ErrorCode::kInvalidArgument, "x", "", fault)), status);
  }
}

TEST(OpenAiErrors, NestedForOpenAiAndFlatForJina) {
  const HttpResponse response = openai_errors().render(
      RequestError(ErrorCode::kInvalidArgument, "a \"bad\"\ntask", "task", Fault::kUnprocessable));
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.body,
            R"({"error":{"message":"a \"bad\"\ntask","type":"invalid_request_error",)"
            R"("param":"task","code":null},"detail":"a \"bad\"\ntask","code":"INPUT_INVALID"})");
}

TEST(OpenAiErrors, NameTheTextAtFault) {
  const HttpResponse response = openai_errors().render(
      Error(ErrorCode::kInvalidArgument, "too long", {.text = 22, .retry_after = {}}));
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  EXPECT_EQ(document.root().at("error").at("param").string(), "input[22]");
}

TEST(OpenAiErrors, KeysLimitsAndModelsHaveTheirCodes) {
  const auto code_of = [](const Error& error) {
    const JsonDocument document = JsonDocument::parse(openai_errors().render(error).body, "answer");
    return std::string(document.root().at("error").at("code").string());
  };
  EXPECT_EQ(code_of(Error(ErrorCode::kUnauthenticated, "x")), "invalid_api_key");
  EXPECT_EQ(code_of(Error(ErrorCode::kResourceExhausted, "x")), "rate_limit_exceeded");
  EXPECT_EQ(code_of(RequestError(ErrorCode::kNotFound, "x", "model")), "model_not_found");
  EXPECT_EQ(code_of(Error(ErrorCode::kNotFound, "x")), "not_found");
  EXPECT_EQ(code_of(Error(ErrorCode::kDeadlineExceeded, "x")), "timeout");
}

TEST(RetryAfter, IsInWholeSecondsRoundedUp) {
  const auto wait = [](int milliseconds) {
    return Error(ErrorCode::kResourceExhausted, "full",
                 {.text = {}, .retry_after = std::chrono::milliseconds(milliseconds)});
  };
  HttpResponse response = openai_errors().render(wait(2001));
  EXPECT_EQ(header_of(response, "Retry-After"), "3");
  EXPECT_EQ(header_of(response, "retry-after-ms"), "2001");
  EXPECT_EQ(header_of(openai_errors().render(wait(1)), "Retry-After"), "1");
  EXPECT_EQ(header_of(openai_errors().render(wait(0)), "Retry-After"), "");
}

}  // namespace
}  // namespace nestvec
