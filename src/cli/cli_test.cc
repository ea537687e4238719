// SPDX-License-Identifier: Apache-2.0
// Commands inside the test's process: usage, help, exit codes, tokenize, and which setting wins.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/model_options.h"
#include "cli/text_argument.h"
#include "cli/text_lines.h"
#include "support/folders.h"
#include "support/run_command.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

const std::string kTokenizer = test_data() + "/../models/bert-tiny";

void expect_one_error_line(const Outcome& outcome) {
  EXPECT_TRUE(outcome.err.starts_with("nestvec: error: ")) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
}

TEST(Usage, MistakesAreOneLineAndCodeTwo) {
  const std::vector<std::vector<std::string>> mistakes = {
      {"embd"},
      {"a\nb"},
      {"embed", "--no-such-option", "x"},
      {"embed", "--dimensions", "many", "x"},
      {"embed", "--dimensions", "-3", "x"},
      {"embed", "--format", "xml", "x"},
      {"embed", "--truncate", "up", "x"},
      {"embed", "--threads", "many", "x"},
      {"embed", "--cpu-memory", "5GB", "x"},
      {"embed", "--precision", "fp64", "x"},
      {"embed", "--file"},
      {"rerank"},
      {"rerank", "--top-n", "0", "query"},
      {"rerank", "--top-k", "3", "query"},
      {"rerank", "--input-format", "xml", "query"},
      {"search"},
      {"search", "folder"},
      {"search", "/", "query", "--top-n", "0"},
      {"search", "/", "query", "--by", "luck"},
      {"search", "/", "query", "--max-file-size", "many"},
      {"search", "/", " "},
      {"tokenize"},
      {"tokenize", "--tokenizer", kTokenizer, "stray"},
      {"help", "nothing"},
  };
  for (const std::vector<std::string>& arguments : mistakes) {
    const Outcome outcome = run(arguments, "", false, {{"NESTVEC_MODEL", "/nonexistent"}});
    EXPECT_EQ(outcome.code, kExitUsage) << outcome.err;
    expect_one_error_line(outcome);
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(Usage, NamesWhatIsAllowed) {
  EXPECT_NE(run({"banana"}).err.find("the commands are quickstart, embed, rerank, search, serve"),
            std::string::npos);
  EXPECT_NE(run({"embed", "--format", "xml", "x"}).err.find("json, jsonl, npy"), std::string::npos);
  EXPECT_NE(run({"embed", "--threads", "many", "x"}).err.find("--threads: expected an integer"),
            std::string::npos);
}

TEST(Usage, WhatIsNoWholeNumberIsShown) {
  for (const std::string text : {"many", "-3", "1.5", "99999999999999999999999", ""}) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"embed", "--dimensions", text, "x"},
          std::vector<std::string>{"tokenize", "--tokenizer", kTokenizer, "--max-tokens", text}}) {
      const Outcome outcome = run(arguments);
      EXPECT_EQ(outcome.code, kExitUsage);
      EXPECT_NE(outcome.err.find(": expected a whole number, found \"" + text + "\" (see"),
                std::string::npos)
          << outcome.err;
    }
  }
}

TEST(Usage, EmbedOnATerminalAsksForText) {
  const Outcome outcome = run({"embed"}, "", true, {{"NO_COLOR", "1"}});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_NE(outcome.err.find("no text was given"), std::string::npos);
}

TEST(Usage, RerankSaysWhatItNeeds) {
  EXPECT_NE(run({"rerank"}).err.find("nestvec rerank \"a question\" FILE"), std::string::npos);
  const Outcome terminal = run({"rerank", "query"}, "", true);
  EXPECT_EQ(terminal.code, kExitUsage);
  EXPECT_NE(terminal.err.find("no documents were given"), std::string::npos);
  EXPECT_NE(run({"rerank", "-k", "3", "q"}).err.find("did you mean --top-n?"), std::string::npos);
  EXPECT_NE(run({"rerank", "q", "/nonexistent/file"}).err.find("/nonexistent/file"),
            std::string::npos);
}

constexpr std::array<const char*, 16> kCommands = {
    "quickstart", "embed", "rerank",   "search",  "serve", "pull",   "list",        "rm",
    "cache",      "info",  "tokenize", "compile", "bench", "health", "completions", "man"};

TEST(Help, TheFirstScreenIsOneScreen) {
  constexpr std::size_t kLines = 40;
  constexpr std::size_t kColumns = 100;  // of examples; what is generated has 80
  for (const char* command : kCommands) {
    const Outcome outcome = run({command, "--help"});
    EXPECT_EQ(outcome.code, kExitOk);
    EXPECT_EQ(outcome.err, "");
    for (const char* part : {"\nUsage: nestvec ", "\nExamples:\n  ", "--help-all shows "}) {
      EXPECT_NE(outcome.out.find(part), std::string::npos) << command << part;
    }
    EXPECT_EQ(outcome.out.find("Exit codes:"), std::string::npos) << command;
    std::istringstream lines(outcome.out);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_LE(line.size(), kColumns) << line;
    }
    EXPECT_LE(count, kLines) << outcome.out;
    EXPECT_EQ(run({"help", command}).out, outcome.out);
    EXPECT_EQ(run({command, "-h"}).out, outcome.out);
  }
}

TEST(Help, AllHasEveryOptionAndTheExitCodes) {
  for (const char* command : kCommands) {
    const Outcome outcome = run({command, "--help-all"});
    EXPECT_EQ(outcome.code, kExitOk);
    EXPECT_NE(outcome.out.find("\n\nExit codes:\n    0  done"), std::string::npos) << outcome.out;
  }
  const std::string embed = run({"embed", "--help-all"}).out;
  for (const char* option : {"--no-normalize", "--checkpoint-seconds SECONDS", "--vector-cache"}) {
    EXPECT_NE(embed.find(option), std::string::npos) << option;
    EXPECT_EQ(run({"embed", "--help"}).out.find(option), std::string::npos) << option;
  }
  EXPECT_NE(embed.find("[default: right]"), std::string::npos);
}

TEST(Help, OfTheProgram) {
  const std::string top = run({"--help"}).out;
  EXPECT_NE(top.find("quickstart"), std::string::npos);
  EXPECT_NE(top.find("\nCommands:\n"), std::string::npos);
  EXPECT_EQ(top.find("config-reference"), std::string::npos);
  const std::vector<std::vector<std::string>> ways = {{}, {"help"}, {"-h"}};
  for (const std::vector<std::string>& arguments : ways) {
    EXPECT_EQ(run(arguments).out, top);
    EXPECT_EQ(run(arguments).code, kExitOk);
  }
  EXPECT_TRUE(run({"--help-all"}).out.starts_with(top.substr(0, top.find("nestvec --help-all"))));
  EXPECT_TRUE(run({"--version"}).out.starts_with("nestvec "));
  EXPECT_EQ(run({"version"}).out, run({"--version"}).out);
  EXPECT_EQ(run({"-V"}).out, run({"--version"}).out);
}

TEST(Colours, OnATerminalOnlyAndNotAgainstTheUsersWish) {
  EXPECT_EQ(run({"embd"}).err.find('\x1b'), std::string::npos);
  EXPECT_NE(run({"embd"}, "", true).err.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"embd"}, "", true, {{"NO_COLOR", "1"}}).err.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"embd"}, "", true, {{"TERM", "dumb"}}).err.find('\x1b'), std::string::npos);
}

TEST(ExitCodes, OfEachKindOfError) {
  const std::map<ErrorCode, int> codes = {
      {ErrorCode::kInvalidArgument, 2}, {ErrorCode::kNotFound, 3},
      {ErrorCode::kDataLoss, 4},        {ErrorCode::kResourceExhausted, 5},
      {ErrorCode::kUnavailable, 6},     {ErrorCode::kPermissionDenied, 7},
      {ErrorCode::kUnauthenticated, 7}, {ErrorCode::kCancelled, 130},
      {ErrorCode::kAborted, 141},       {ErrorCode::kInternal, 1},
  };
  for (const auto& [error, code] : codes) EXPECT_EQ(exit_code_for(error), code);
}

TEST(Tokenize, PrintsALineForALine) {
  const Outcome outcome =
      run({"tokenize", "--tokenizer", kTokenizer, "--offsets"}, "the\n\nthe\r\nthe");
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  std::vector<std::string> lines;
  std::istringstream stream(outcome.out);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[0].starts_with("{\"ids\":["));
  EXPECT_EQ(lines[0], lines[2]);
  EXPECT_EQ(lines[0], lines[3]);
  EXPECT_NE(lines[1].find("\"offsets\":[[0,0],[0,0]]"), std::string::npos);
}

TEST(Tokenize, JsonLinesAndDecode) {
  const Outcome plain = run({"tokenize", "--tokenizer", kTokenizer}, "the the\n");
  const Outcome json = run({"tokenize", "--tokenizer", kTokenizer, "--jsonl"},
                           "{\"id\":1,\"text\":\"the the\"}\n\n");
  EXPECT_EQ(json.out, plain.out);
  const Outcome marked = run({"tokenize", "--tokenizer", kTokenizer, "--jsonl"},
                             "\xEF\xBB\xBF{\"text\":\"the the\"}\n");
  EXPECT_EQ(marked.out, plain.out) << marked.err;
  const Outcome back = run({"tokenize", "--tokenizer", kTokenizer, "--decode"}, plain.out);
  EXPECT_EQ(back.out, "{\"text\":\"the the\"}\n");
}

TEST(Tokenize, ErrorsNameTheLine) {
  const std::vector<std::string> arguments = {"tokenize", "--tokenizer", kTokenizer, "--jsonl"};
  for (const char* line : {"{\"txt\":\"a\"}", "{", "[1]", "{\"text\":1}"}) {
    const Outcome outcome = run(arguments, "{\"text\":\"the\"}\n" + std::string(line) + "\n");
    EXPECT_EQ(outcome.code, kExitUsage);
    expect_one_error_line(outcome);
    EXPECT_NE(outcome.err.find("line 2 of standard input"), std::string::npos) << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with("{\"ids\":[")) << "what came before the error is lost";
  }
  for (const char* ids : {"{\"ids\":[-1]}", "{\"ids\":[4294967296]}", "{\"ids\":[999999]}", "{}"}) {
    const Outcome outcome = run({"tokenize", "--tokenizer", kTokenizer, "--decode"}, ids);
    EXPECT_EQ(outcome.code, kExitUsage) << ids;
    expect_one_error_line(outcome);
    EXPECT_NE(outcome.err.find("line 1 of standard input"), std::string::npos) << outcome.err;
  }
}

TEST(Tokenize, MissingFiles) {
  for (const char* path : {"/nonexistent/tokenizer.json", "/nonexistent", "no-such/repository"}) {
    const Outcome outcome =
        run({"tokenize", "--tokenizer", path}, "", false, {{"HOME", "/nonexistent"}});
    EXPECT_EQ(outcome.code, kExitNotFound) << outcome.err;
    expect_one_error_line(outcome);
  }
}

TEST(TextArguments, StayAsTheyWereTyped) {
  const std::vector<std::string> typed = {"[a,b]",   "{}",  "",  "info", "[",
                                          "\x01[x]", "a=b", "-", "%%"};
  CLI::App app;
  CLI::App* command = app.add_subcommand("embed", "");
  std::vector<std::string> texts;
  std::string file;
  bool flag = false;
  add_text_arguments(*command, texts, "");
  command->add_option("--file", file);
  command->add_flag("--flag", flag);
  std::vector<std::string> arguments = {"embed", "--file", "[f]", "--flag"};
  arguments.insert(arguments.end(), typed.begin(), typed.end());
  arguments.insert(arguments.end(), {"--", "--file", "[y]"});
  arguments = protect_text_arguments(app, arguments);
  app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  std::vector<std::string> expected = typed;
  expected.insert(expected.end(), {"--file", "[y]"});
  EXPECT_EQ(texts, expected);
  EXPECT_EQ(file, "[f]");
  EXPECT_TRUE(flag);
}

TEST(MakeConfig, LaterSourcesWin) {
  const std::string path =
      (fs::temp_directory_path() / ("nestvec-cli-" + std::to_string(::getpid()) + ".yaml"))
          .string();
  std::ofstream(path)
      << "checkpoints: {repo_id: from/file}\nruntime: {threads: 1, max_tokens: 11}\n";
  std::istringstream in;
  std::ostringstream out;
  CliContext context{in,
                     out,
                     out,
                     false,
                     false,
                     false,
                     environment_of({{"NESTVEC_THREADS", "2"},
                                     {"NESTVEC_MAX_BATCH_TOKENS", "22"},
                                     {"NESTVEC_MODEL", "from/variable"}})};
  ModelOptions options;
  options.config = path;
  options.settings = {{"threads", "3"}};
  const ServerConfig config = make_config(options, context);
  fs::remove(path);
  EXPECT_EQ(config.runtime.threads, 3u);
  EXPECT_EQ(config.runtime.max_tokens, 11u);
  EXPECT_EQ(config.runtime.max_batch_tokens, 22u);
  EXPECT_EQ(config.checkpoints.repo_id, "from/file");
  EXPECT_EQ(make_config({}, context).checkpoints.repo_id, "from/variable");
  options.settings["repo-id"] = "from/flag@main";
  options.config = "";
  EXPECT_EQ(make_config(options, context).checkpoints.repo_id, "from/flag@main");
}

TEST(TextLines, KeepsBytesAndDropsLineEnds) {
  std::istringstream in(std::string("a\r\n\n b \xFF\0c\nlast", 15));
  std::vector<std::string> lines;
  for_each_line(in, "x", [&](std::string& line, const std::string&) { lines.push_back(line); });
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "", std::string(" b \xFF\0c", 6), "last"}));
}

}  // namespace
}  // namespace nestvec
