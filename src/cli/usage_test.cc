// SPDX-License-Identifier: Apache-2.0
// What people type that is not quite right, and what they are told.
#include "cli/usage.h"

#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "support/run_command.h"

namespace nestvec {
namespace {

// The error of a command line that must be refused before anything is looked for.
std::string error_of_usage(const std::vector<std::string>& arguments) {
  const Outcome outcome = run(arguments, "", false, {{"NESTVEC_MODEL", "/nonexistent"}});
  EXPECT_EQ(outcome.code, kExitUsage) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  return outcome.err;
}

void expect_told(const std::vector<std::string>& arguments, const std::string& part) {
  const std::string error = error_of_usage(arguments);
  EXPECT_NE(error.find(part), std::string::npos) << error;
}

TEST(UnknownCommand, IsAnsweredWithTheOneThatWasMeant) {
  expect_told({"embedd", "x"}, "did you mean embed?");
  expect_told({"serv"}, "did you mean serve?");
  expect_told({"run"}, "did you mean serve?");
  expect_told({"download", "a/b"}, "did you mean pull?");
  expect_told({"jinaai/jina-embeddings-v3"}, "nestvec serve jinaai/jina-embeddings-v3");
  expect_told({"The cat sat."}, "nestvec embed \"The cat sat.\"");
  expect_told({"help", "serv"}, "did you mean serve?");
}

TEST(UnknownOption, IsAnsweredWithTheOneThatWasMeant) {
  expect_told({"embed", "--modle", "m", "x"}, "embed has no option --modle; did you mean --model?");
  expect_told({"embed", "--max_tokens", "5", "x"}, "did you mean --max-tokens?");
  expect_told({"embed", "--dim", "5", "x"}, "did you mean --dimensions?");
  expect_told({"embed", "--dim=5", "x"}, "has no option --dim; did you mean --dimensions?");
  expect_told({"embed", "--batch-size", "5", "x"}, "did you mean --max-batch-tokens?");
  expect_told({"embed", "--text", "x"}, "nestvec embed \"a text\"");
  expect_told({"serve", "--uds-path", "/s"}, "did you mean --http unix:PATH?");
  expect_told({"serve", "--max-client-batch-size", "5"}, "did you mean --max-inputs?");
  expect_told({"serve", "--dtype", "float16"}, "did you mean --precision?");
  EXPECT_EQ(error_of_usage({"pull", "a/b", "--batch-size", "5"}).find("max-batch-tokens"),
            std::string::npos)
      << "pull has no such option";
  expect_told({"pull", "a/b", "--revision", "v1"}, "OWNER/NAME@REVISION");
  expect_told({"pull", "a/b", "--token", "hf_x"}, "HF_TOKEN");
  expect_told({"embed", "--nothing-like-it", "x"}, "has no option --nothing-like-it");
}

TEST(UnknownOption, NeverShowsWhatFollowsIt) {
  EXPECT_EQ(error_of_usage({"pull", "a/b", "--token", "hf_secret"}).find("hf_secret"),
            std::string::npos);
  EXPECT_EQ(error_of_usage({"pull", "a/b", "--token=hf_secret"}).find("hf_secret"),
            std::string::npos);
}

TEST(UnknownOption, OfTheProgramBelongsBehindTheCommand) {
  expect_told({"--model", "m", "embed", "x"}, "options follow the command");
  expect_told({"--versoin"}, "did you mean --version?");
  expect_told({"-v"}, "did you mean --version?");
}

TEST(Dashes, ThatAreWrongAreNoTexts) {
  expect_told({"embed", "-model", "m", "x"}, "did you mean --model?");
  expect_told({"serve", "-port", "80"}, "did you mean --port?");
  expect_told({"embed", "\xE2\x80\x94model", "m", "x"}, "did you mean --model?");
  expect_told({"embed", "\xE2\x80\x93\xE2\x80\x93model=m", "x"}, "did you mean --model?");
  expect_told({"embed", "-x y z"}, "put -- before a text that begins with a dash");
}

TEST(Values, ThatAreMissingOrWrong) {
  expect_told({"embed", "--file"}, "--file needs a value (see nestvec embed --help)");
  expect_told({"embed", "--model", "a/b", "-m", "c/d", "x"}, "was given more than once");
  expect_told({"embed", "--input", "x", "-o", "x.npy", "--dtype", "fp16"},
              "did you mean \"float16\"?");
  expect_told({"embed", "-m=a/b", "x"}, "\"-m=a/b\": did you mean -m a/b?");
  expect_told({"pull"}, "pull needs a model: nestvec pull OWNER/NAME");
  expect_told({"compile", "m"}, "compile needs --output");
  expect_told({"embed", "--truncate", "rigth", "x"}, "did you mean \"right\"?");
  expect_told({"embed", "--truncate", "middle", "x"}, "expected one of right, left, error");
  expect_told({"bench", "--seconds", "many"},
              "--seconds: expected a number from 0 to 3600, found \"many\"");
  expect_told({"bench", "--seconds", "-1"},
              "--seconds: expected a number from 0 to 3600, found \"-1\"");
  expect_told({"serve", "--port", "http"}, "--port: expected a number");
  expect_told({"serve", "--port", "99999"}, "is not an address");
  expect_told({"serve", "--port", "80", "--http", ":80"}, "leave one out");
}

TEST(Values, ThatAreNamesOfOptionsWereForgotten) {
  expect_told({"compile", "m", "-o", "--no-compare"},
              "-o needs a value, and --no-compare is an option; if it is meant as the value, write "
              "-o ./--no-compare");
  expect_told({"embed", "--output", "--format", "json", "x"},
              "--output needs a value, and --format is an option");
  expect_told({"embed", "--model", "--task=query", "x"}, "--model needs a value");
  // What looks like none, and what stands behind "--", is as it was.
  const Outcome text = run({"embed", "-m", "/nonexistent", "--", "--model", "--task"});
  EXPECT_EQ(text.err.find("needs a value"), std::string::npos) << text.err;
}

TEST(Values, ThatAreEmptyTurnNothingOff) {
  for (const char* option :
       {"--api-key-file", "--tls-certificate", "--tls-key", "--http", "--grpc", "--host", "--port",
        "--hosts", "--config", "--cache-dir", "--otlp-endpoint"}) {
    expect_told({"serve", option, ""}, std::string(option) + ": the value is empty");
  }
  expect_told({"compile", "m", "-o", ""}, "the value is empty");
  expect_told({"search", ".", "q", "--glob", ""}, "the value is empty");
  expect_told({"list", "--cache-dir", ""}, "the value is empty");
  expect_told({"rm", "a/b", "--cache-dir", ""}, "the value is empty");
  expect_told({"pull", "a/b", "--endpoint", ""}, "the value is empty");
  expect_told({"man", "-o", ""}, "the value is empty");
}

TEST(Pull, NeedsAnOwner) {
  expect_told({"pull", "bge-m3"}, "did you mean BAAI/bge-m3?");
  expect_told({"pull", "gte-base"}, "did you mean thenlper/gte-base or Alibaba-NLP/gte-base?");
  expect_told({"pull", "mine"}, "expected OWNER/NAME, such as jinaai/jina-embeddings-v3");
}

TEST(PrintConfig, HostAndPortAreParts) {
  const auto http = [](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"serve", "--print-config"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const std::string yaml = run(arguments).out;
    const std::size_t begin = yaml.find("\n  http: ") + 9;
    return yaml.substr(begin, yaml.find('\n', begin) - begin);
  };
  EXPECT_EQ(http({}), "\"127.0.0.1:8080\"");
  EXPECT_EQ(http({"--port", "9000"}), "\"127.0.0.1:9000\"");
  EXPECT_EQ(http({"--host", "0.0.0.0"}), "\"0.0.0.0:8080\"");
  EXPECT_EQ(http({"--hostname", "::1", "--port", "9000"}), "\"[::1]:9000\"");
}

}  // namespace
}  // namespace nestvec
