// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/json.h"

namespace nestvec {
namespace {

TEST(JsonObject, OnOneLine) {
  std::string out = "[";
  JsonObject object(out);
  object.text("a\"", "b\n\xFF");
  object.boolean("yes", true);
  object.integer("least", std::numeric_limits<std::int64_t>::min());
  object.count("most", std::numeric_limits<std::uint64_t>::max());
  object.fixed("fixed", 2.0 / 3, 3);
  object.real("real", 0.1);
  object.null("nothing");
  object.texts("texts", std::vector<std::string>{"c\t", "["});
  object.counts("counts", std::vector<std::size_t>{1, 2});
  object.texts("none", {});
  JsonObject inner(object.key("inner"));
  inner.end();
  object.end();
  EXPECT_EQ(
      out,
      "[{\"a\\\"\":\"b\\n\xEF\xBF\xBD\",\"yes\":true,\"least\":-9223372036854775808,"
      "\"most\":18446744073709551615,\"fixed\":0.667,\"real\":0.1,"
      "\"nothing\":null,\"texts\":[\"c\\t\",\"[\"],\"counts\":[1,2],\"none\":[],\"inner\":{}}");
}

TEST(JsonObject, AMemberALine) {
  std::string out;
  JsonObject object(out, "  ");
  object.count("a", 1);
  JsonObject inner(object.key("b"), "    ");
  inner.count("c", 2);
  inner.end();
  object.end();
  EXPECT_EQ(out, "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}");
}

TEST(JsonObject, NumbersComeBack) {
  for (const double value : {1e-5, 20000.0, 1.0 / 3, std::numeric_limits<double>::max()}) {
    std::string out;
    JsonObject object(out);
    object.real("real", value);
    object.fixed("fixed", value, 1);
    object.end();
    const JsonDocument document = JsonDocument::parse(out, "test");
    EXPECT_EQ(document.root().at("real").number(), value);
    EXPECT_NEAR(document.root().at("fixed").number(), value, 0.05);
  }
}

TEST(JsonArray, HoldsElementsOfAnyKind) {
  std::string out = "x";
  JsonArray empty(out);
  empty.end();
  EXPECT_EQ(out, "x[]");
  out.clear();
  JsonArray list(out);
  list.count(1);
  list.text("a\"");
  JsonObject member(list.next());
  member.count("n", 2);
  member.end();
  JsonArray inner(list.next());
  inner.end();
  list.end();
  EXPECT_EQ(out, R"([1,"a\"",{"n":2},[]])");
}

}  // namespace
}  // namespace nestvec
