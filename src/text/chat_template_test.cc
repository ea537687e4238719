// SPDX-License-Identifier: Apache-2.0
// Expected texts are those of Jinja 3.1 with trim_blocks and lstrip_blocks, as transformers sets it
// up.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <string>

#include "support/error_of.h"

namespace nestvec {
namespace {

const std::string kQuery =
    R"(messages | selectattr("role", "eq", "query") | map(attribute="content") | first)";
const std::string kDocument =
    R"(messages|selectattr('role','eq','document')|map(attribute='content')|first)";
const std::string kSystem =
    R"(messages | selectattr("role", "eq", "system") | map(attribute="content") | first)"
    R"( | default("Find it"))";

// Slots as "<role>", with their default behind a colon.
std::string outline_of(const std::string& source) {
  std::string text;
  for (const TemplatePart& part : parse_chat_template(source)) {
    text += part.role.empty()   ? part.text
            : part.text.empty() ? "<" + part.role + ">"
                                : "<" + part.role + ":" + part.text + ">";
  }
  return text;
}

TEST(ChatTemplate, TextsAndRolesStandInTheirOrder) {
  EXPECT_EQ(outline_of("Q: {{ " + kQuery + " }}\nD: {{" + kDocument + "}} end\n\n"),
            "Q: <query>\nD: <document> end\n");
  EXPECT_EQ(outline_of("{{ " + kSystem + " }}"), "<system:Find it>");
  EXPECT_EQ(outline_of("no place, a { brace }} and %}"), "no place, a { brace }} and %}");
  EXPECT_EQ(outline_of("a\r\nb\rc"), "a\nb\nc");
  EXPECT_EQ(outline_of(""), "");
}

TEST(ChatTemplate, BlanksAroundTagsGoAsInJinja) {
  const std::string set = "set q = " + kQuery;
  EXPECT_EQ(outline_of("{%- " + set + " -%}\n\n  A {{ q }}"), "A <query>");
  EXPECT_EQ(outline_of("{% " + set + " %}\n\n  A {{ q }}"), "\n  A <query>");
  EXPECT_EQ(outline_of("x\n  {% " + set + " %}\ny"), "x\ny");
  EXPECT_EQ(outline_of("x  {% " + set + " %}\ny"), "x  y");
  EXPECT_EQ(outline_of("x \n {%- " + set + " %} y"), "x y");
  EXPECT_EQ(outline_of("a  {#- a \"comment #}\n b"), "a b");
  EXPECT_EQ(outline_of("{% " + set + " %}a  {{- q -}}  \n b"), "a<query>b");
}

TEST(ChatTemplate, WhatElseJinjaCanDoIsRefused) {
  for (const std::string& source :
       {std::string("{% if x %}a{% endif %}"), std::string("{{ messages }}"),
        std::string("{{ unknown }}"), std::string("{{ bos_token }}"), "{{ " + kQuery + " | trim }}",
        "{{ " + kQuery, "{% set = " + kQuery + " %}", "{% set messages = " + kQuery + " %}",
        std::string(R"({{ messages | selectattr("role", "eq", "a\n") }})"),
        std::string("{{ messages | selectattr(\"role"), std::string("{#"), std::string("{%%}"),
        std::string("{{}}"), std::string("{{-}}"),
        std::string(R"({{ messages | selectattr("role", "ne", "a") | first }})")}) {
    const std::string error = coded_error_of([&] { parse_chat_template(source); });
    EXPECT_TRUE(error.starts_with("UNIMPLEMENTED the chat template has")) << source << error;
  }
  for (const std::string& large : {std::string(65537, 'a'), [] {
                                     std::string tags;
                                     for (int i = 0; i < 257; ++i) tags += "{##}";
                                     return tags;
                                   }()}) {
    EXPECT_NE(coded_error_of([&] { parse_chat_template(large); }), "");
  }
}

TEST(ChatTemplate, APairHasAHeadAndATail) {
  const std::string source =
      "I: {{ " + kSystem + " }}\nQ: {{ " + kQuery + " }}\nD: {{ " + kDocument + " }} end{{ \"\" }}";
  EXPECT_NE(coded_error_of([&] { parse_pair_template(source); }), "");  // a text as an expression
  const auto pair = parse_pair_template(source.substr(0, source.find("{{ \"\"")));
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->head_of("why?", ""), "I: Find it\nQ: why?\nD:");
  EXPECT_EQ(pair->head_of("why?", "Judge"), "I: Judge\nQ: why?\nD:");
  EXPECT_EQ(pair->tail, " end");
  PairTemplate own = *pair;
  own.instruction = "Own";
  EXPECT_EQ(own.head_of("", ""), "I: Own\nQ: \nD:");
}

TEST(ChatTemplate, APairOfAnotherFormIsRefused) {
  EXPECT_FALSE(parse_pair_template("{% for message in messages %}{{ message }}{% endfor %}"));
  EXPECT_FALSE(parse_pair_template("Q: {{ " + kQuery + " }}"));
  const std::string query = "{{ " + kQuery + " }}";
  const std::string document = "{{ " + kDocument + " }}";
  for (
      const std::string& source :
      {document + " " + query, query + document, query + "  " + document, query + " " + document,
       query + "\nD: " + document + query, query + query + "a " + document,
       query + "a " + document + document,
       query +
           R"({{ messages | selectattr("role", "eq", "x") | map(attribute="content") | first }}a )" +
           document}) {
    const std::string error = coded_error_of([&] { parse_pair_template(source); });
    EXPECT_TRUE(error.starts_with("UNIMPLEMENTED the chat template ")) << source << error;
  }
}

}  // namespace
}  // namespace nestvec
