// SPDX-License-Identifier: Apache-2.0
// nestvec bench: how fast a model is on this machine, from texts to vectors.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "base/cgroup.h"
#include "base/cpu.h"
#include "base/json.h"
#include "base/quantity.h"
#include "cli/commands.h"
#include "cli/model_options.h"

namespace nestvec {
namespace {

constexpr const char* kExamples =
    "A workload is calls of a kind, made one after another until the time is over:\n"
    "  short    one text of 16 tokens\n"
    "  uniform  8 texts of 128 tokens\n"
    "  mixed    48 texts of 4 to 512 tokens, log-normal with median 55 and sigma 1\n"
    "  long     one text of as many tokens as the model takes, at most 8,192\n"
    "\n"
    "Examples:\n"
    "  nestvec bench --model jinaai/jina-embeddings-v3 --precision bf16\n"
    "  nestvec bench --workload mixed --seconds 30 --json\n"
    "  nestvec bench --graph portable --workload uniform";

struct BenchCommand {
  ModelOptions model;
  std::vector<std::string> workloads = {"short", "uniform", "mixed", "long"};
  double seconds = 10;
  std::string task = "none";
  bool json = false;
};

// Words that are one token each in every vocabulary there is.
constexpr std::array<const char*, 32> kWords = {
    "the",  "of",    "and", "to",   "in",  "is",  "that", "for", "it",   "as",   "was",
    "with", "be",    "by",  "on",   "not", "he",  "this", "are", "or",   "his",  "from",
    "at",   "which", "but", "have", "an",  "had", "they", "you", "were", "their"};

// A text of that many tokens, the two special ones included.
std::string text_of(std::size_t tokens, std::mt19937& random) {
  std::uniform_int_distribution<std::size_t> choose(0, kWords.size() - 1);
  std::string text;
  for (std::size_t i = 2; i < tokens; ++i) {
    if (!text.empty()) text += ' ';
    text += kWords[choose(random)];
  }
  return text;
}

// The texts of one call.
std::vector<std::string> texts_of(const std::string& workload, std::size_t max_tokens) {
  constexpr std::size_t kLongest = 8192;
  std::mt19937 random(1);
  std::vector<std::size_t> lengths;
  if (workload == "short") lengths = {16};
  if (workload == "uniform") lengths.assign(8, 128);
  if (workload == "long") lengths = {kLongest};
  if (workload == "mixed") {
    std::lognormal_distribution<double> length(std::log(55.0), 1.0);
    for (int i = 0; i < 48; ++i) {
      lengths.push_back(static_cast<std::size_t>(std::clamp(length(random), 4.0, 512.0)));
    }
  }
  std::vector<std::string> texts;
  for (const std::size_t tokens : lengths) {
    texts.push_back(text_of(std::min(tokens, max_tokens), random));
  }
  return texts;
}

struct Measurement {
  std::string workload;
  std::size_t texts = 0;        // of a call
  std::size_t tokens = 0;       // of a call
  std::vector<double> seconds;  // of each call, ascending

  double quantile(double q) const {
    const double place = q * static_cast<double>(seconds.size() - 1);
    return seconds[static_cast<std::size_t>(std::lround(place))];
  }
  double rate(std::size_t per_call) const { return static_cast<double>(per_call) / quantile(0.5); }
};

Measurement measure(const Model& model, const BenchCommand& command, const std::string& workload) {
  using Clock = std::chrono::steady_clock;
  const std::vector<std::string> texts = texts_of(workload, model.info().max_tokens);
  const EmbedOptions options{.task = command.task};
  Measurement result;
  result.workload = workload;
  const Embeddings warm_up = model.predict(texts, options);
  result.texts = texts.size();
  for (const std::uint32_t tokens : warm_up.tokens) result.tokens += tokens;
  const auto end = Clock::now() + std::chrono::duration<double>(command.seconds);
  do {
    const auto start = Clock::now();
    model.predict(texts, options);
    result.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  } while (Clock::now() < end);
  std::sort(result.seconds.begin(), result.seconds.end());
  return result;
}

std::string number(const char* pattern, double value) {
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), pattern, value);
  return buffer.data();
}

void print_head(const ModelInfo& info, std::ostream& out) {
  out << info.id << ": " << info.graph << ", " << info.isa << ", " << info.threads << " threads, "
      << detect_cpu().model_name << "\n\n"
      << "workload  texts  tokens  calls      p50 ms      p90 ms      p99 ms   texts/s  tokens/s\n";
}

void print_row(const Measurement& m, std::ostream& out) {
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(), "%-8s %6zu %7zu %6zu %11.2f %11.2f %11.2f %9.1f %9.0f\n",
                m.workload.c_str(), m.texts, m.tokens, m.seconds.size(), m.quantile(0.5) * 1e3,
                m.quantile(0.9) * 1e3, m.quantile(0.99) * 1e3, m.rate(m.texts), m.rate(m.tokens));
  out << line.data();
  out.flush();
}

void print_json(const ModelInfo& info, const Measurement& m, std::ostream& out) {
  std::string line = "{\"model\":";
  append_json_string(info.id, line);
  line += ",\"graph\":";
  append_json_string(info.graph, line);
  line += ",\"isa\":";
  append_json_string(info.isa, line);
  line += ",\"processor\":";
  append_json_string(detect_cpu().model_name, line);
  line += ",\"threads\":" + std::to_string(info.threads) + ",\"workload\":\"" + m.workload +
          "\",\"texts\":" + std::to_string(m.texts) + ",\"tokens\":" + std::to_string(m.tokens) +
          ",\"calls\":" + std::to_string(m.seconds.size());
  for (const auto& [name, q] : {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}}) {
    line += ",\"" + std::string(name) + "_ms\":" + number("%.3f", m.quantile(q) * 1e3);
  }
  line += ",\"tokens_per_second\":" + number("%.1f", m.rate(m.tokens)) +
          ",\"peak_resident_bytes\":" + std::to_string(resident_memory(this_system()).peak_bytes);
  out << line << "}\n";
  out.flush();
}

void run_bench(const BenchCommand& command, CliContext& context) {
  const Model model = load_chosen_model(command.model, context);
  if (!command.json) print_head(model.info(), context.out);
  for (const std::string& workload : command.workloads) {
    const Measurement m = measure(model, command, workload);
    if (command.json) {
      print_json(model.info(), m, context.out);
    } else {
      print_row(m, context.out);
    }
  }
  if (command.json) return;
  context.out << "\nmemory " << readable_bytes(resident_memory(this_system()).peak_bytes)
              << " at most\n";
}

}  // namespace

void add_bench_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("bench", "Measure a model on this machine");
  const auto options = std::make_shared<BenchCommand>();
  add_model_options(*command, options->model);
  command->add_option("--workload", options->workloads, "Workloads to run, by default all")
      ->check(CLI::IsMember({"short", "uniform", "mixed", "long"}))
      ->type_name("NAME,...")
      ->delimiter(',');
  command->add_option("--seconds", options->seconds, "For each workload")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command->add_option("--task", options->task, "Task of the texts, or none")->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object a workload");
  command->footer(kExamples);
  command->callback([options, &context] { run_bench(*options, context); });
}

}  // namespace nestvec
