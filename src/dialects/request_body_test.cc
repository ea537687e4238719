// SPDX-License-Identifier: Apache-2.0
#include "dialects/request_body.h"

#include <gtest/gtest.h>

#include <string>

#include "support/request_test.h"

namespace nestvec {
namespace {

// What read_json_body says of a body of that Content-Type.
std::string refusal(const std::string& type, const std::string& body) {
  HttpRequest request;
  request.headers = {{"content-type", type}};
  request.body = body;
  return refusal_of([&] { read_json_body(request); });
}

TEST(RequestBody, JsonIsReadWhateverItIsCalled) {
  for (const char* body :
       {R"({"input": "a"})", " \r\n\t{\"input\": \"a\"}\n", "\xef\xbb\xbf{\"input\": \"a\"}"}) {
    for (const char* type :
         {"", "application/json", "Application/JSON; charset=utf-8", "text/json",
          "application/vnd.api+json", "application/x-www-form-urlencoded", "text/plain", "json"}) {
      EXPECT_EQ(refusal(type, body), "no error") << type << body;
    }
    HttpRequest request;
    request.body = body;
    EXPECT_EQ(refusal_of([&] { read_json_body(request); }), "no error") << body;
  }
}

TEST(RequestBody, WhatIsNoJsonIsRefusedByItsType) {
  for (const char* body : {"input=a", "--x\r\nContent-Disposition: form-data", "[1]", "\"a\""}) {
    for (const char* type : {"application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                             "text/plain", "a/xjson"}) {
      EXPECT_TRUE(refusal(type, body).starts_with("415 ")) << type << body;
    }
    EXPECT_TRUE(refusal("application/json", body).starts_with("400 ")) << body;
  }
  EXPECT_TRUE(refusal("text/plain", "{\"input\"").starts_with("400 ")) << "it begins as JSON";
  EXPECT_TRUE(refusal("text/plain", "").starts_with("400 "));
}

const std::string kJson = "application/json";

TEST(RequestBody, IllFormedUtf8IsRefusedWithItsPlace) {
  for (const char* charset : {"", "; charset=utf-8", ";charset=\"UTF-8\"", "; charset=utf8; q=1"}) {
    EXPECT_EQ(refusal(kJson + charset, "{\"input\": \"h\xc3\xa4\"}"), "no error") << charset;
    EXPECT_EQ(refusal(kJson + charset, "{\"input\": \"h\xe4\"}"),
              "400 : request body: this is not UTF-8: byte 0xE4 at offset 12")
        << charset;
  }
  EXPECT_TRUE(refusal(kJson, "{\"\xc3\xa4\": \"\xe4\xbd\"}").ends_with("byte 0xE4 at offset 8"));
  EXPECT_EQ(refusal(kJson, R"({"input": "\ud83d"})"), "no error") << "JavaScript sends halves";
}

TEST(RequestBody, OtherCharsetsAreRefusedByName) {
  for (const char* charset : {"iso-8859-1", "windows-1252", "\"ISO-8859-1\""}) {
    const std::string type = kJson + "; a=b; Charset=" + charset;
    EXPECT_EQ(refusal(type, R"({"input": "ascii"})"), "no error") << charset;
    for (const char* body : {"{\"input\": \"h\xe4\"}", "{\"input\": \"h\xc3\xa4\"}"}) {
      const std::string message = refusal(type, body);
      EXPECT_TRUE(message.starts_with("415 ")) << message;
      EXPECT_NE(message.find("send the body in UTF-8"), std::string::npos) << message;
    }
  }
}

TEST(RequestBody, WideTextIsCalledByItsName) {
  for (const std::string& wide :
       {std::string("\xff\xfe{\0\"\0", 6), std::string("\0{\0\"", 4), std::string("{\0\"\0", 4)}) {
    EXPECT_TRUE(refusal(kJson, wide).starts_with("400 : request body: this is UTF-16")) << wide;
  }
}

}  // namespace
}  // namespace nestvec
