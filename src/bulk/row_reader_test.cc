// SPDX-License-Identifier: Apache-2.0
// Rows of files of every format: what was written is read, whatever pieces it comes in, and every
// row's place is one from which reading goes on.
#include "bulk/row_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "nestvec/error.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

RowRules rules_of(RowFormat format) {
  RowRules rules;
  rules.format = format;
  return rules;
}

RowReader reader_of(const std::string& bytes, const RowRules& rules, std::size_t piece = 7) {
  return {memory_source(bytes, piece), "file", rules};
}

struct ReadRow {
  RowFields fields;
  std::uint64_t line = 0;
  std::uint64_t end = 0;
};

std::vector<ReadRow> read_all(RowReader& reader) {
  std::vector<ReadRow> rows;
  RowFields fields;
  while (reader.next(fields)) rows.push_back({fields, reader.line(), reader.cursor().offset()});
  return rows;
}

std::vector<std::string> texts_of(const std::string& bytes, const RowRules& rules) {
  RowReader reader = reader_of(bytes, rules);
  std::vector<std::string> texts;
  for (const ReadRow& row : read_all(reader)) {
    texts.push_back(row.fields.fault.empty() ? row.fields.text : "! " + row.fields.fault);
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(RowReader, EachLineIsAText) {
  const RowRules rules = rules_of(RowFormat::kLines);
  EXPECT_EQ(texts_of("a\n\nb\r\nc", rules), (Texts{"a", "", "b", "c"}));
  EXPECT_EQ(texts_of("a\n", rules), (Texts{"a"}));
  EXPECT_EQ(texts_of("\xEF\xBB\xBF"
                     "a\n\xEF\xBB\xBF",
                     rules),
            (Texts{"a", "\xEF\xBB\xBF"}));
  EXPECT_EQ(texts_of("", rules), Texts());
  EXPECT_EQ(texts_of(std::string("a\0b\n", 4), rules), (Texts{std::string("a\0b", 3)}));
}

TEST(RowReader, JsonArrays) {
  const RowRules rules = rules_of(RowFormat::kJsonLines);
  EXPECT_EQ(
      texts_of(" \n[\n{\"text\":\"a]},\"} ,{\"x\":[1,{}],\"text\":\"b\\\"\\\\\"}\n]\n", rules),
      (Texts{"a]},", "b\"\\"}));
  EXPECT_EQ(texts_of("[]", rules), Texts());
  EXPECT_EQ(texts_of("[{\"text\":\"a\"},7,[{}],\"s\",null,{\"text\":\"b\"}]", rules).size(), 6u);
  EXPECT_EQ(texts_of("[7,{\"text\":\"b\"}]", rules)[1], "b");
  RowReader reader = reader_of("[\n\n{\"text\":\n\"a\"},\n{\"text\":\"b\"}]", rules);
  const std::vector<ReadRow> rows = read_all(reader);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].line, 3u);
  EXPECT_EQ(rows[1].line, 5u);
}

TEST(RowReader, JsonArraysThatAreCutOrBroken) {
  const RowRules rules = rules_of(RowFormat::kJsonLines);
  for (const std::string bytes :
       {"[", "[{\"text\":\"a\"}", "[{\"text\":\"a\"},", "[{\"text\":\"a\"} {\"text\":\"b\"}]",
        "[,]", "[{\"text\":\"a\"}}]", "[{\"text\":\"a", "[1,2", "[{\"text\":\"a\"}] x", "[][]",
        "[]]"}) {
    const std::string error = error_of([&] { texts_of(bytes, rules); }, ErrorCode::kDataLoss);
    EXPECT_TRUE(error.starts_with("file:1: the JSON array ")) << bytes << ": " << error;
  }
  const std::string error = error_of([&] { texts_of("[]\n\nx", rules); }, ErrorCode::kDataLoss);
  EXPECT_EQ(error, "file:3: the JSON array ends here, and more text follows");
  EXPECT_EQ(texts_of("[\"a\"]\r\n \n", rules), (Texts{"a"}));
}

TEST(RowReader, LinesHaveNoFields) {
  RowRules rules = rules_of(RowFormat::kLines);
  rules.text = "body";
  EXPECT_NE(error_of([&] { texts_of("a\n", rules); }).find("--field body was given"),
            std::string::npos);
  rules.text = RowRules{}.text;
  rules.id = "key";
  EXPECT_NE(error_of([&] { texts_of("a\n", rules); }).find("--id key was given"),
            std::string::npos);
}

TEST(RowReader, StringsAreTexts) {
  RowRules rules = rules_of(RowFormat::kJsonLines);
  EXPECT_EQ(texts_of("[\"a\", \"b]\"]", rules), (Texts{"a", "b]"}));
  EXPECT_EQ(texts_of("\"a\"\n{\"text\":\"b\"}\n\"c\"", rules), (Texts{"a", "b", "c"}));
  EXPECT_EQ(texts_of("[1,2]", rules), (Texts{"! the row: expected an object, found an integer",
                                             "! the row: expected an object, found an integer"}));
  rules.text = "body";
  EXPECT_EQ(texts_of("\"a\"", rules), (Texts{"! the row: expected an object, found a string"}));
  rules.text = "text";
  rules.id = "id";
  EXPECT_EQ(texts_of("\"a\"", rules), (Texts{"! the row: expected an object, found a string"}));
}

TEST(RowReader, TablesInOneObjectGetAdvice) {
  const RowRules rules = rules_of(RowFormat::kJsonLines);
  for (const char* table : {R"({"text":["a","b"]})", R"({"text":{"0":"a"}})"}) {
    const Texts texts = texts_of(table, rules);
    ASSERT_EQ(texts.size(), 1u);
    EXPECT_NE(texts[0].find("the column of a table; each row is an object of its own"),
              std::string::npos)
        << texts[0];
  }
  EXPECT_EQ(texts_of(R"({"n":2,"data":[{"text":"a"}]})", rules),
            (Texts{"! the row: has no member \"text\"; it has n, data; the rows in \"data\" can be "
                   "piped: jq -c '.[\"data\"][]' FILE prints them, to be read with --input-format "
                   "jsonl"}));
}

TEST(RowReader, ASeparatorIsOneCharacterOrATab) {
  EXPECT_EQ(parse_delimiter(""), '\0');
  EXPECT_EQ(parse_delimiter(";"), ';');
  for (const char* tab : {"tab", "\\t", "\t"}) EXPECT_EQ(parse_delimiter(tab), '\t') << tab;
  for (const char* wrong : {";;", "\"", "\n", "\r", "\xC3\xA9", "\xE9"}) {
    EXPECT_THROW(parse_delimiter(wrong), Error) << wrong;
  }
}

TEST(RowReader, LinesThatAreRowsOfJsonAreRefused) {
  RowRules rules = rules_of(RowFormat::kLines);
  rules.guessed = true;
  const auto refusal = [&rules](const std::string& bytes) {
    return error_of([&] { texts_of(bytes, rules); });
  };
  EXPECT_EQ(refusal("{\"text\":\"a\"}\n"),
            "file looks like JSON: read its rows with --jsonl, or add --force-text to read each "
            "line as it is");
  for (const std::string json : {"\xEF\xBB\xBF{\"text\":\"a\"}\r\nb\n", "{}", "{\n\"text\": \"a\"}",
                                 "[\n{\"text\":\"a\"}]", "[{\"text\":\"a\"}]", "{\"text\":\""}) {
    const bool cut = json.ends_with(":\"");
    EXPECT_NE(refusal(cut ? json + std::string(1u << 17, 'x') : json), "") << json;
  }
  for (const char* text : {"", "\n{}\n", "{a} is a set\n", "{x\n", "[1] A footnote.\n", "[x]"}) {
    EXPECT_EQ(refusal(text), "") << text;
  }
  rules.force_text = true;
  EXPECT_EQ(texts_of("{}\n", rules), (Texts{"{}"}));
  rules.force_text = false;
  rules.guessed = false;
  EXPECT_EQ(texts_of("{}\n", rules), (Texts{"{}"}));
}

TEST(RowReader, LinesThatEndWithCarriageReturnsAloneAreRefused) {
  RowRules rules = rules_of(RowFormat::kLines);
  for (const RowFormat format : {RowFormat::kLines, RowFormat::kJsonLines}) {
    rules.format = format;
    const std::string error = error_of([&] { texts_of("\"a\"\r\"b\"\r", rules); });
    EXPECT_TRUE(error.starts_with("file ends its lines with CR alone")) << error;
  }
  rules.format = RowFormat::kLines;
  EXPECT_EQ(texts_of("a\r", rules), (Texts{"a"}));
  EXPECT_EQ(texts_of("10%\r20%\r\nb\r\n", rules), (Texts{"10%\r20%", "b"}));
  rules.force_text = true;
  EXPECT_EQ(texts_of("a\rb", rules), (Texts{"a\rb"}));
  rules = rules_of(RowFormat::kCsv);
  EXPECT_EQ(texts_of("text\ra\rb\r", rules), (Texts{"a", "b"}));
}

TEST(RowReader, MembersOfMembers) {
  RowRules rules = rules_of(RowFormat::kJsonLines);
  rules.text = "doc.body.text";
  EXPECT_EQ(texts_of("{\"doc\":{\"body\":{\"text\":\"a\"}}}", rules), (Texts{"a"}));
  EXPECT_EQ(texts_of("{\"doc.body.text\":\"b\",\"doc\":1}", rules), (Texts{"b"}));
  EXPECT_EQ(texts_of("{\"doc.body\":{\"text\":\"c\"}}", rules), (Texts{"c"}));
  EXPECT_EQ(texts_of("{\"doc\":{\"body\":{}},\"id\":1}", rules),
            (Texts{"! the row: has no member \"doc.body.text\"; it has doc, id"}));
  EXPECT_EQ(texts_of("{}", rules),
            (Texts{"! the row: has no member \"doc.body.text\"; it has none"}));
}

TEST(RowReader, RecordsOfMoreFieldsThanTheHeader) {
  RowRules rules = rules_of(RowFormat::kCsv);
  EXPECT_EQ(texts_of("id,text\n1,fell, and rose\n2,a\n3,b,,\n", rules),
            (Texts{"! the row has 3 fields, and the header has 2; put a field that contains the "
                   "separator in double quotes",
                   "a", "b"}));
  rules.delimiter = ';';
  EXPECT_EQ(texts_of("id;text\n1;fell, and rose\n", rules), (Texts{"fell, and rose"}));
}

TEST(RowReader, JsonLines) {
  RowRules rules = rules_of(RowFormat::kJsonLines);
  EXPECT_EQ(texts_of("{\"text\":\"a\\nb\"}\n\n \t\n{\"x\":1,\"text\":\"\"}", rules),
            (Texts{"a\nb", ""}));
  rules.id = "id";
  rules.task = "task";
  RowReader reader = reader_of(
      "{\"text\":\"a\",\"id\":\"q\\\"\",\"task\":\"t\"}\n"
      "{\"text\":\"b\",\"id\":-7,\"task\":null}\n{\"text\":\"c\",\"id\":9007199254740993}\n",
      rules);
  const std::vector<ReadRow> rows = read_all(reader);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fields.id, "\"q\\\"\"");
  EXPECT_EQ(rows[0].fields.task, "t");
  EXPECT_EQ(rows[1].fields.id, "-7");
  EXPECT_EQ(rows[1].fields.task, "");
  EXPECT_EQ(rows[2].fields.id, "9007199254740993");
}

TEST(RowReader, BadJsonIsOneBadRow) {
  RowRules rules = rules_of(RowFormat::kJsonLines);
  rules.id = "id";
  for (const char* bad :
       {"{", "[1]", "1", "{\"id\":1}", "{\"id\":1,\"text\":2}", "{\"id\":1,\"text\":null}",
        "{\"text\":\"a\"}", "{\"id\":1.5,\"text\":\"a\"}", "{\"id\":[],\"text\":\"a\"}", "x"}) {
    RowReader reader = reader_of(
        "{\"id\":0,\"text\":\"a\"}\n" + std::string(bad) + "\n{\"id\":2,\"text\":\"b\"}", rules);
    const std::vector<ReadRow> rows = read_all(reader);
    ASSERT_EQ(rows.size(), 3u) << bad;
    EXPECT_EQ(rows[0].fields.fault, "");
    EXPECT_NE(rows[1].fields.fault, "") << bad;
    EXPECT_EQ(rows[1].line, 2u);
    EXPECT_EQ(rows[2].fields.text, "b");
  }
}

TEST(RowReader, CsvRecords) {
  RowRules rules = rules_of(RowFormat::kCsv);
  rules.text = "body";
  const std::string csv =
      "id,body,x\r\n"
      "1,plain,\r\n"
      "2,\"two\nlines, \"\"quoted\"\"\",x\n"
      "\n"
      "3,mid\"quote,y\r4,\"a\"b,\n";
  EXPECT_EQ(texts_of(csv, rules), (Texts{"plain", "two\nlines, \"quoted\"", "mid\"quote", "ab"}));
  rules.id = "id";
  RowReader reader = reader_of(csv, rules);
  const std::vector<ReadRow> rows = read_all(reader);
  EXPECT_EQ(rows[1].fields.id, "\"2\"");
  EXPECT_EQ(rows[1].line, 3u);
  EXPECT_EQ(rows[2].line, 6u) << "a record of two lines, and a blank one";
}

TEST(RowReader, CsvFaults) {
  const RowRules rules = rules_of(RowFormat::kTsv);
  EXPECT_EQ(texts_of("a\ttext\n1\n2\tx\n3\t\"open\n4\ty\n", rules),
            (Texts{"! the row has 1 fields, and the header requires 2", "x",
                   "! a quoted field is not closed before the end of the file"}));
  EXPECT_EQ(texts_of("", rules), Texts());
  EXPECT_THROW(reader_of("a\tb\n1\t2\n", rules), Error);
  EXPECT_THROW(reader_of("text\ttext\n1\t2\n", rules), Error);
}

TEST(RowReader, FieldsThatNobodyAskedForTakeNoMemory) {
  CsvParser parser(',', 1000);
  parser.keep_fields(2);
  parser.begin();
  parser.feed("a,b,c,\"d\",,e\n");
  EXPECT_EQ(parser.fields(), (std::vector<std::string>{"a", "b"}));
  const std::string commas(100000, ',');
  EXPECT_EQ(texts_of("text,id\none" + commas + "\ntwo\n", rules_of(RowFormat::kCsv)),
            (Texts{"one", "two"}));
}

TEST(RowReader, AHeaderOfTooManyColumnsIsRefusedInALine) {
  const auto refusal = [](const std::string& header) {
    try {
      reader_of(header + "\n", rules_of(RowFormat::kCsv), 4096);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal(std::string(70000, ',')), "file: the header has more than 65536 columns");
  const std::string unknown = refusal(std::string(60000, ','));
  EXPECT_NE(unknown.find("and 59969 more"), std::string::npos) << unknown;
  EXPECT_LT(unknown.size(), 500u);
}

TEST(RowReader, ALongRowIsABadRow) {
  for (const RowFormat format : {RowFormat::kLines, RowFormat::kJsonLines, RowFormat::kCsv}) {
    RowRules rules = rules_of(format);
    rules.max_bytes = 20;
    const std::string head = format == RowFormat::kCsv ? "text\n" : "";
    const auto row = [&](const std::string& text) {
      if (format == RowFormat::kJsonLines) return "{\"text\":\"" + text + "\"}\n";
      return (format == RowFormat::kCsv ? "\"" + text + "\"" : text) + "\n";
    };
    const Texts texts = texts_of(head + row("a") + row(std::string(3000, 'x')) + row("b"), rules);
    EXPECT_EQ(texts, (Texts{"a", "! the row is longer than 20 bytes", "b"}));
  }
}

TEST(RowReader, FormatsByName) {
  EXPECT_EQ(guess_row_format("a/b.jsonl"), RowFormat::kJsonLines);
  EXPECT_EQ(guess_row_format("b.ndjson.gz"), RowFormat::kJsonLines);
  EXPECT_EQ(guess_row_format("b.jsonlines"), RowFormat::kJsonLines);
  EXPECT_EQ(guess_row_format("b.jl.zst"), RowFormat::kJsonLines);
  EXPECT_EQ(guess_row_format("b.json"), RowFormat::kJsonLines);
  EXPECT_EQ(guess_row_format("b.csv.zst"), RowFormat::kCsv);
  EXPECT_EQ(guess_row_format("b.tsv"), RowFormat::kTsv);
  EXPECT_EQ(guess_row_format("b.gz"), RowFormat::kLines);
  EXPECT_EQ(guess_row_format("-"), RowFormat::kLines);
  EXPECT_EQ(parse_row_format("tsv"), RowFormat::kTsv);
  EXPECT_THROW(parse_row_format("xml"), Error);
}

// Texts of the characters that formats care about.
std::string odd_text(std::mt19937& random) {
  static const std::vector<std::string> kParts = {"a",    ",", "\t", "\"", "\n", "\r",
                                                  "\r\n", " ", "",   "\\", "{",  "\xC3\xA9"};
  std::string text;
  for (std::size_t parts = random() % 8; parts > 0; --parts)
    text += kParts[random() % kParts.size()];
  return text;
}

std::string csv_field(const std::string& text) {
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

std::string written(const std::string& text, RowFormat format) {
  if (format == RowFormat::kJsonLines) {
    std::string line = "{\"text\":";
    append_json_string(text, line);
    return line + "}\n";
  }
  const std::string separator = format == RowFormat::kTsv ? "\t" : ",";
  return "7" + separator + csv_field(text) + "\r\n";
}

TEST(RowReader, WhatWasWrittenIsReadFromEveryPlace) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    for (const RowFormat format : {RowFormat::kJsonLines, RowFormat::kCsv, RowFormat::kTsv}) {
      std::string bytes;
      if (format == RowFormat::kCsv) bytes = "n,text\n";
      if (format == RowFormat::kTsv) bytes = "n\ttext\n";
      Texts expected;
      for (std::size_t rows = random() % 6; rows > 0; --rows) {
        expected.push_back(odd_text(random));
        bytes += written(expected.back(), format);
      }
      const RowRules rules = rules_of(format);
      RowReader reader = reader_of(bytes, rules, 1 + random() % 9);
      const std::vector<ReadRow> rows = read_all(reader);
      ASSERT_EQ(rows.size(), expected.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        ASSERT_EQ(rows[i].fields.text, expected[i]);
        RowReader later = reader_of(bytes, rules, 3);
        later.skip_to(rows[i].end);
        ASSERT_EQ(read_all(later).size(), rows.size() - i - 1);
      }
    }
  }
}

TEST(RowReader, ChecksumsDoNotDependOnPieces) {
  const std::string bytes = "one\ntwo\nthree\n";
  std::vector<std::uint32_t> sums;
  for (const std::size_t piece : {1u, 2u, 5u, 100u}) {
    RowReader reader = reader_of(bytes, rules_of(RowFormat::kLines), piece);
    RowFields fields;
    reader.next(fields);
    reader.next(fields);
    sums.push_back(reader.cursor().checksum());
  }
  // Of "one\ntwo\n"; from Python's zlib.crc32.
  EXPECT_EQ(sums, (std::vector<std::uint32_t>(4, 0x12BA0BE6u)));
}

}  // namespace
}  // namespace nestvec
