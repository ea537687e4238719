// SPDX-License-Identifier: Apache-2.0
#include "cli/model_options.h"

#include <filesystem>
#include <ostream>

#include "base/json.h"

namespace nestvec {

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("--model", options.model,
                     "Model folder, or a repository that was pulled (OWNER/NAME[@REVISION])");
  command.add_option("--config", options.config, "A config.yaml; --model overrides its repo_id");
  command.add_option("--precision", options.precision, "auto or fp32")
      ->check(CLI::IsMember({"auto", "fp32"}));
  command.add_flag("-q,--quiet", options.quiet, "Print no notes on standard error");
}

std::string default_model_folder(const Environment& environment) {
  std::string cache = environment("NESTVEC_CACHE").value_or("");
  if (cache.empty()) cache = environment("HOME").value_or("") + "/.cache/nestvec";
  return cache + "/models/all-MiniLM-L6-v2";
}

namespace {

std::string choose_model(const ModelOptions& options, const ModelConfig& config,
                         const CliContext& context) {
  if (!options.model.empty()) return options.model;
  if (!config.checkpoints.repo_id.empty()) return config.checkpoints.repo_id;
  if (const auto named = context.environment("NESTVEC_MODEL")) return *named;
  const std::string fallback = default_model_folder(context.environment);
  std::error_code ignored;
  if (std::filesystem::exists(fallback + "/config.json", ignored)) return fallback;
  throw Error(ErrorCode::kNotFound,
              "no model was named: pass --model FOLDER_OR_REPO or --config FILE, set NESTVEC_MODEL, or "
              "run `make quickstart`, which fetches the small default model");
}

}  // namespace

Model load_chosen_model(const ModelOptions& options, CliContext& context) {
  ModelConfig config =
      options.config.empty() ? config_for_model(options.model) : read_config(options.config);
  config.checkpoints.repo_id = choose_model(options, config, context);
  if (!options.precision.empty()) config.runtime.precision = options.precision;
  LogSink log;
  if (!options.quiet) {
    log = [&context](std::string_view line) {
      context.err << "nestvec: " << line << '\n';
      context.err.flush();
    };
  }
  return load_model(config, log);
}

void for_each_line(std::istream& in, const std::function<void(std::string&)>& use) {
  std::string line;
  while (std::getline(in, line)) {
    if (line.ends_with('\r')) line.pop_back();
    use(line);
  }
}

std::string text_of_json_line(const std::string& line, const std::string& name) {
  const JsonDocument document = JsonDocument::parse(line, name);
  return std::string(document.root().at("text").string());
}

}  // namespace nestvec
