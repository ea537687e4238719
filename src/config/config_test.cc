// SPDX-License-Identifier: Apache-2.0
// The cases of tests/cases/config, and what a file cannot hold: environment, settings, limits.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "config/cache_folder.h"
#include "config/fields.h"
#include "config/reader.h"
#include "config/server_config.h"
#include "config/writer.h"
#include "nestvec/error.h"
#include "support/error_of.h"
#include "support/folders.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> values_of(const ServerConfig& config) {
  std::map<std::string, std::string> values;
  visit_fields(config, [&values](const Field& field, const auto& value) {
    values[field.path()] = field_text(field, value);
  });
  return values;
}

// What a case's comments say.
struct Expected {
  std::map<std::string, std::string> values = values_of(ServerConfig{});
  std::vector<std::string> warnings;
  std::string error;
};

Expected read_expected(const std::string& text) {
  Expected expected;
  std::istringstream lines(text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# warning: "))
      expected.warnings.push_back("config.yaml:" + line.substr(11));
    if (line.starts_with("# error: ")) expected.error = "config.yaml:" + line.substr(9);
    if (!line.starts_with("# expect: ")) continue;
    const std::size_t equals = line.find(" = ");
    const std::string path = line.substr(10, equals - 10);
    EXPECT_TRUE(expected.values.contains(path)) << path;
    expected.values[path] = line.substr(equals + 3);
  }
  return expected;
}

void check_error(const Error& error, std::string expected) {
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  std::string message = error.what();
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  if (expected.ends_with("...")) {
    expected.resize(expected.size() - 3);
    message = message.substr(0, expected.size());
  }
  EXPECT_EQ(message, expected);
}

std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(fs::path(test_cases()) / "config")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class ConfigCase : public testing::TestWithParam<std::string> {};

TEST_P(ConfigCase, GivesWhatItsCommentsSay) {
  const std::string text = read_file(GetParam(), 1u << 20);
  const Expected expected = read_expected(text);
  try {
    const ServerConfig config = parse_config(text, "config.yaml");
    EXPECT_EQ(expected.error, "") << "no error came";
    EXPECT_EQ(config.warnings, expected.warnings);
    EXPECT_EQ(values_of(config), expected.values);
  } catch (const Error& error) {
    check_error(error, expected.error);
  }
}

std::string case_name(const testing::TestParamInfo<std::string>& test) {
  return fs::path(test.param).stem().string();
}

INSTANTIATE_TEST_SUITE_P(Cases, ConfigCase, testing::ValuesIn(case_files()), case_name);

std::string refusal_of(std::string_view yaml) {
  return error_of([&] { parse_config(yaml, "config.yaml"); });
}

TEST(ParseConfig, NothingIsAllDefaults) {
  EXPECT_EQ(values_of(parse_config("", "config.yaml")), values_of(ServerConfig{}));
  EXPECT_EQ(values_of(parse_config("\n\n", "config.yaml")), values_of(ServerConfig{}));
}

TEST(ParseConfig, RefusesWhatIsTooLarge) {
  EXPECT_NE(refusal_of(std::string((1u << 20) + 1, '#')).find("too long"), std::string::npos);
  std::string many = "runtime: [";
  for (int i = 0; i < 20000; ++i) many += "a,";
  EXPECT_NE(refusal_of(many + "a]").find("more than 10000 values"), std::string::npos);
  EXPECT_NE(refusal_of(std::string(100000, '[')), "");
  EXPECT_NE(refusal_of(std::string(100000, '{')), "");
}

TEST(ParseConfig, RefusesBytesThatAreNoText) {
  EXPECT_NE(refusal_of(std::string("model: {id: \"a\\0b\"}")), "");
  EXPECT_NE(refusal_of("model: {id: \"\xFF\xFE\"}"), "");
}

TEST(ParseConfig, NeverShowsASecret) {
  const std::string text =
      "checkpoints:\n  hf_token: hf_secret\n  hf_token: hf_secret2\n  type: [hf_secret]\n";
  EXPECT_EQ(refusal_of(text).find("hf_secret"), std::string::npos);
  const ServerConfig config = parse_config("checkpoints: {hf_token: hf_secret}", "config.yaml");
  EXPECT_EQ(config.checkpoints.hf_token, "hf_secret");
  EXPECT_EQ(values_of(config).at("checkpoints.hf_token"), "(set)");
}

TEST(ParseConfig, TheExamplesHaveNoWarning) {
  for (const char* file : {"config.yaml", "clarifai/config.yaml"}) {
    const std::string path = test_cases() + "/../../examples/" + file;
    const ServerConfig config = parse_config(read_file(path, 1u << 20), path);
    EXPECT_EQ(config.warnings, std::vector<std::string>{});
    EXPECT_EQ(config.inference_compute_info.cpu_memory_bytes, 5368709120u);
    EXPECT_EQ(config.model.app_id, "your-app-id");
  }
}

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

TEST(ApplyEnvironment, OverridesEveryKind) {
  ServerConfig config = parse_config("runtime: {threads: 1, graph: portable}", "config.yaml");
  apply_environment(environment_of({{"NESTVEC_THREADS", "4"},
                                    {"NESTVEC_CPU_LIMIT", "500m"},
                                    {"NESTVEC_CPU_MEMORY", "1Gi"},
                                    {"NESTVEC_PRECISION", "fp32"},
                                    {"NESTVEC_HF_TOKEN", "hf_x"},
                                    {"NESTVEC_REPO_ID", "a/b"},
                                    {"NESTVEC_PULL", "1"}}),
                    config);
  EXPECT_EQ(config.runtime.threads, 4u);
  EXPECT_EQ(config.runtime.graph, "portable");
  EXPECT_DOUBLE_EQ(config.inference_compute_info.cpu_limit, 0.5);
  EXPECT_EQ(config.inference_compute_info.cpu_memory_bytes, 1u << 30);
  EXPECT_EQ(config.runtime.precision, "fp32");
  EXPECT_EQ(config.checkpoints.hf_token, "hf_x");
  EXPECT_EQ(config.checkpoints.repo_id, "a/b");
  EXPECT_TRUE(config.checkpoints.pull);
}

TEST(ApplyEnvironment, ErrorsNameTheVariable) {
  ServerConfig config;
  const Environment environment = environment_of({{"NESTVEC_THREADS", "many"}});
  EXPECT_EQ(error_of([&] { apply_environment(environment, config); }),
            "NESTVEC_THREADS: expected an integer from 0 to 4096, found \"many\"");
}

TEST(ApplySetting, OverridesOneFieldByName) {
  ServerConfig config;
  apply_setting("max-tokens", "128", "--max-tokens", config);
  EXPECT_EQ(config.runtime.max_tokens, 128u);
  EXPECT_THROW(apply_setting("max-tokens", "", "--max-tokens", config), Error);
  EXPECT_THROW(apply_setting("max_tokens", "1", "--max_tokens", config), Error);
}

TEST(ApplySetting, AcceleratorsAreNotedWhereverTheyAreAskedFor) {
  ServerConfig config;
  apply_environment(environment_of({{"NESTVEC_NUM_ACCELERATORS", "1"}}), config);
  apply_setting("num-accelerators", "2", "--num-accelerators", config);
  ASSERT_EQ(config.warnings.size(), 2u);
  EXPECT_TRUE(config.warnings[0].starts_with("NESTVEC_NUM_ACCELERATORS: no accelerator"));
  EXPECT_TRUE(config.warnings[1].starts_with("--num-accelerators: no accelerator"));
  apply_setting("threads", "1", "--threads", config);
  EXPECT_EQ(config.warnings.size(), 2u);
}

TEST(ApplySetting, CountsHaveALeast) {
  ServerConfig config;
  apply_setting("max-inputs", "1", "--max-inputs", config);
  EXPECT_EQ(config.server.max_inputs, 1u);
  EXPECT_EQ(error_of([&] { apply_setting("max-inputs", "0", "--max-inputs", config); }),
            "--max-inputs: expected an integer from 1 to 1048576, found \"0\"");
  EXPECT_EQ(config.server.max_inputs, 1u);
}

TEST(ConfigYaml, ReadsBackAsTheSame) {
  ServerConfig config = parse_config(
      "model: {id: \"a \\\"quoted\\\" \\\\ name\\nin two lines: # \u00e9\"}\n"
      "inference_compute_info: {cpu_limit: 500m, cpu_memory: 5Gi}\n"
      "runtime: {threads: 3, vector_cache: 256Mi, default_task: \"123\"}\n"
      "server: {http: \"unix:/tmp/x y\", log_format: json, idle_seconds: 9}\n",
      "config.yaml");
  EXPECT_EQ(values_of(parse_config(config_yaml(config), "again")), values_of(config));
  EXPECT_EQ(values_of(parse_config(config_yaml(ServerConfig{}), "again")),
            values_of(ServerConfig{}));
}

TEST(ConfigYaml, SecretsAreCommentsThatSayOnlyThatTheyAreSet) {
  ServerConfig config;
  config.server.api_keys = "hunter2";
  const std::string yaml = config_yaml(config);
  EXPECT_EQ(yaml.find("hunter2"), std::string::npos);
  EXPECT_NE(yaml.find("\n  # api_keys: (set)\n"), std::string::npos) << yaml;
  EXPECT_NE(yaml.find("\n  hf_token: \"\"\n"), std::string::npos) << yaml;
  EXPECT_EQ(parse_config(yaml, "again").server.api_keys, "");
}

constexpr const char* kTwoModels =
    "models:\n"
    "  - repo_id: owner/large\n"
    "    name: search\n"
    "    aliases: [one, two]\n"
    "    precision: int8\n"
    "    prompts: {query: \"q: \"}\n"
    "  - {repo_id: owner/small, aliases: three}\n"
    "runtime: {max_tokens: 128, precision: bf16}\n"
    "model: {id: alone}\n";

TEST(SeveralModels, ItemsBeginWithTheSections) {
  const ServerConfig config = parse_config(kTwoModels, "config.yaml");
  EXPECT_TRUE(config.warnings.empty());
  ASSERT_EQ(config.models.size(), 2u);
  const ModelEntry& large = config.models[0];
  EXPECT_EQ(large.config.checkpoints.repo_id, "owner/large");
  EXPECT_EQ(large.config.model.id, "search");
  EXPECT_EQ(large.aliases, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(large.config.runtime.precision, "int8");
  EXPECT_EQ(large.config.runtime.max_tokens, 128u);
  EXPECT_EQ(large.config.runtime.prompts, (Prompts{{"query", "q: "}}));
  const ModelEntry& small = config.models[1];
  EXPECT_EQ(small.config.model.id, "") << "of one alone";
  EXPECT_EQ(small.config.runtime.precision, "bf16");
  EXPECT_EQ(small.aliases, (std::vector<std::string>{"three"}));
}

TEST(SeveralModels, ErrorsAndWarningsHaveTheirPlace) {
  const auto refusal = [](const std::string& yaml) {
    return error_of([&] { parse_config(yaml, "c"); }, ErrorCode::kInvalidArgument);
  };
  EXPECT_EQ(refusal("models: {a: 1}"), "c:1:9: models: expected a list of models, found a mapping");
  EXPECT_EQ(refusal("models:\n  - owner/name\n"),
            "c:2:5: models[0]: expected a mapping of keys to values, found text");
  EXPECT_EQ(refusal("models:\n  - repo_id: a\n  - name: b\n"),
            "c:3:5: models[1]: expected repo_id, the model's folder or repository");
  EXPECT_EQ(refusal("models:\n  - repo_id: a\n    max_tokens: many\n").substr(0, 41),
            "c:3:17: models[0].max_tokens: expected an");
  EXPECT_EQ(refusal("models:\n  - {repo_id: a, aliases: [[]]}\n"),
            "c:2:28: models[0].aliases: expected a list of names, found a list");
  const ServerConfig config =
      parse_config("models:\n  - repo_id: a\n    precison: int8\n    threads: 2\n", "c");
  ASSERT_EQ(config.warnings.size(), 2u);
  EXPECT_EQ(config.warnings[0],
            "c:3:5: unknown key \"models[0].precison\" is ignored; did you mean \"precision\"?");
  EXPECT_EQ(config.warnings[1].substr(0, 49),
            "c:4:5: unknown key \"models[0].threads\" is ignored");
}

TEST(SeveralModels, VariablesAndFlagsAreOfEach) {
  ServerConfig config = parse_config(kTwoModels, "c");
  apply_environment(environment_of({{"NESTVEC_PRECISION", "fp32"}, {"NESTVEC_MODEL_ID", "x"}}),
                    config);
  apply_setting("max-tokens", "64", "--max-tokens", config);
  for (const ModelEntry& entry : config.models) {
    EXPECT_EQ(entry.config.runtime.precision, "fp32");
    EXPECT_EQ(entry.config.runtime.max_tokens, 64u);
    EXPECT_NE(entry.config.model.id, "x");
  }
  apply_environment(environment_of({{"NESTVEC_MODELS", "a/b, c,,"}}), config);
  ASSERT_EQ(config.models.size(), 2u);
  EXPECT_EQ(config.models[0].config.checkpoints.repo_id, "a/b");
  EXPECT_EQ(config.models[1].config.checkpoints.repo_id, "c");
  EXPECT_EQ(config.models[1].config.runtime.max_tokens, 64u);
  apply_environment(environment_of({{"NESTVEC_REPO_ID", "one"}}), config);
  EXPECT_TRUE(config.models.empty());
}

TEST(SeveralModels, AreWrittenAndReadBack) {
  const ServerConfig config = parse_config(kTwoModels, "c");
  const std::string yaml = config_yaml(config);
  const ServerConfig again = parse_config(yaml, "again");
  EXPECT_TRUE(again.warnings.empty());
  ASSERT_EQ(again.models.size(), 2u) << yaml;
  EXPECT_EQ(config_yaml(again), yaml);
  EXPECT_EQ(again.models[0].aliases, config.models[0].aliases);
  EXPECT_EQ(again.models[0].config.runtime.prompts, config.models[0].config.runtime.prompts);
}

TEST(SeveralModels, WhoLoadsOneLoadsTheFirst) {
  ServerConfig config = parse_config(kTwoModels, "c");
  choose_first_model(config);
  EXPECT_EQ(config.checkpoints.repo_id, "owner/large");
  EXPECT_EQ(config.runtime.precision, "int8");
}

TEST(VisitFields, NamesAreDistinct) {
  std::map<std::string, int> seen;
  const ServerConfig config;
  visit_fields(config, [&seen](const Field& field, const auto&) {
    ++seen[field.flag()];
    ++seen[field.path()];
    EXPECT_FALSE(field.help.empty());
  });
  for (const auto& [name, count] : seen) EXPECT_EQ(count, 1) << name;
}

TEST(ReadConfig, FromAFileAndErrors) {
  const std::string path =
      (fs::temp_directory_path() / ("nestvec-config-" + std::to_string(::getpid()))).string();
  std::ofstream(path) << "runtime:\n  max_tokens: 77\n";
  EXPECT_EQ(read_config(path).runtime.max_tokens, 77u);
  fs::remove(path);
  const std::string error = error_of([&] { read_config(path); }, ErrorCode::kNotFound);
  EXPECT_NE(error.find(path), std::string::npos) << error;
}

TEST(CacheFolder, ConfiguredThenVariableThenHome) {
  const Environment both = environment_of({{"NESTVEC_CACHE", "/c"}, {"HOME", "/h"}});
  EXPECT_EQ(cache_folder("/x", both), "/x");
  EXPECT_EQ(cache_folder("", both), "/c");
  EXPECT_EQ(cache_folder("", environment_of({{"HOME", "/h"}})), "/h/.cache/nestvec");
  EXPECT_THROW(cache_folder("", environment_of({})), Error);
}

TEST(ConfigReference, IsTheCommittedPage) {
  const std::string path = test_cases() + "/../../docs/config.md";
  EXPECT_EQ(read_file(path, 1u << 20), config_reference())
      << "write it anew: nestvec config-reference > docs/config.md";
}

}  // namespace
}  // namespace nestvec
