// SPDX-License-Identifier: Apache-2.0
// nestvec info: what a model is, and what was decided for it on this machine and why.
#include <algorithm>
#include <memory>
#include <ostream>

#include "base/cgroup.h"
#include "base/cpu.h"
#include "base/excerpt.h"
#include "base/json_writer.h"
#include "base/quantity.h"
#include "cli/commands.h"
#include "cli/model_options.h"

namespace nestvec {
namespace {

constexpr const char* kInfoExamples =
    "Loads the model, so it also shows whether that works.\n"
    "\n"
    "Examples:\n"
    "  nestvec info\n"
    "  nestvec info jinaai/jina-embeddings-v3 --json\n"
    "  nestvec info --config config.yaml --threads 1\n";

using Row = std::pair<std::string, std::string>;

std::string join(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (const std::size_t number : numbers) {
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  }
  return text;
}

// "95 MiB, 98 MiB at most, cgroup limit 4.0 GiB"
std::string memory_in_use() {
  const SystemView system = this_system();
  const ResidentMemory memory = resident_memory(system);
  std::string text =
      readable_bytes(memory.current_bytes) + ", " + readable_bytes(memory.peak_bytes) + " at most";
  if (const auto limit = cgroup_memory_limit(system)) {
    text += ", cgroup limit " + readable_bytes(*limit);
  }
  return text;
}

// "dense, sparse"; empty for dense vectors alone, which most models make.
std::string outputs_of(const ModelInfo& info) {
  if (info.labels.size() == 1) return "scores of pairs";
  if (!info.labels.empty()) return "labels";
  std::string text = info.dense ? "dense" : "";
  if (info.sparse) text += text.empty() ? "sparse" : ", sparse";
  if (info.multi_vector) text += text.empty() ? "multi-vector" : ", multi-vector";
  return text == "dense" ? "" : text;
}

// The first labels, on one line whatever they hold.
std::string labels_of(const ModelInfo& info) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(info.labels.size(), kShown); ++i) {
    text += (text.empty() ? "" : ", ") + excerpt(info.labels[i]);
  }
  if (info.labels.size() > kShown) text += ", ... of " + std::to_string(info.labels.size());
  return text;
}

std::vector<Row> rows_of(const ModelInfo& info) {
  std::vector<Row> rows = {
      {"model", info.id},
      {"folder", info.folder},
      {"family", info.family},
      {"graph", info.graph},
      {"precision", info.precision + " (" + info.precision_reason + ")"},
      {"processor", detect_cpu().model_name},
      {"instruction set", info.isa},
      {"threads", info.threads_reason},
      {"memory plan", info.memory_plan},
      {"memory in use", memory_in_use()},
      {"output", outputs_of(info)},
  };
  if (info.dense) rows.emplace_back("dimensions", std::to_string(info.dimensions));
  if (!info.matryoshka_dimensions.empty()) {
    rows.emplace_back("trained dimensions", join(info.matryoshka_dimensions));
  }
  if (!info.labels.empty()) {
    rows.emplace_back("labels", labels_of(info));
    rows.emplace_back("activation", info.activation);
  }
  rows.emplace_back("max tokens", std::to_string(info.max_tokens));
  rows.emplace_back("vocabulary", std::to_string(info.vocabulary));
  rows.emplace_back("pooling", info.pooling);
  rows.emplace_back("default task", info.default_task);
  if (!info.prompts_source.empty()) rows.emplace_back("prompts", info.prompts_source);
  for (const auto& [task, folder] : info.adapters)
    rows.emplace_back("adapter", task + "  " + folder);
  for (const TaskInfo& task : info.tasks) {
    rows.emplace_back("task", task.name + (task.prompt.empty() ? "" : "  \"" + task.prompt + "\""));
  }
  return rows;
}

void print_table(const ModelInfo& info, std::ostream& out) {
  constexpr std::size_t kLabel = 20;
  for (const auto& [label, value] : rows_of(info)) {
    if (value.empty()) continue;
    out << label << std::string(kLabel - label.size(), ' ') << value << '\n';
  }
}

void print_json(const ModelInfo& info, std::ostream& out) {
  std::string json;
  JsonObject object(json);
  object.text("id", info.id);
  object.text("folder", info.folder);
  object.text("family", info.family);
  object.text("graph", info.graph);
  object.text("precision", info.precision);
  object.text("precision_reason", info.precision_reason);
  object.text("isa", info.isa);
  object.count("threads", info.threads);
  object.text("threads_reason", info.threads_reason);
  object.text("processor", detect_cpu().model_name);
  object.count("resident_bytes", resident_memory(this_system()).current_bytes);
  object.count("memory_plan_bytes", info.memory_plan_bytes);
  object.text("memory_plan", info.memory_plan);
  object.boolean("dense", info.dense);
  object.boolean("sparse", info.sparse);
  object.boolean("multi_vector", info.multi_vector);
  object.texts("labels", info.labels);
  object.text("activation", info.activation);
  object.count("dimensions", info.dimensions);
  object.key("matryoshka_dimensions") += "[" + join(info.matryoshka_dimensions) + "]";
  object.count("max_tokens", info.max_tokens);
  object.count("vocabulary", info.vocabulary);
  object.text("pooling", info.pooling);
  object.text("default_task", info.default_task);
  object.text("prompts_source", info.prompts_source);
  JsonObject tasks(object.key("tasks"));
  for (const TaskInfo& task : info.tasks) tasks.text(task.name, task.prompt);
  tasks.end();
  JsonObject adapters(object.key("adapters"));
  for (const auto& [task, folder] : info.adapters) adapters.text(task, folder);
  adapters.end();
  object.end();
  out << json << '\n';
}

}  // namespace

void add_info_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("info", "Show a model, its tasks and its memory plan");
  const auto options = std::make_shared<ModelOptions>();
  const auto json = std::make_shared<bool>(false);
  add_model_name(*command, *options);
  add_model_argument(*command, *options);
  add_model_options(*command, *options);
  command->add_flag("--json", *json, "Print one JSON object");
  command->footer(kInfoExamples);
  command->callback([options, json, &context] {
    ModelOptions quiet = *options;
    quiet.quiet = true;  // the table says it all
    const Model model = load_chosen_model(quiet, context);
    if (*json) {
      print_json(model.info(), context.out);
    } else {
      print_table(model.info(), context.out);
    }
  });
}

}  // namespace nestvec
