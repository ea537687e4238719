// SPDX-License-Identifier: Apache-2.0
// nestvec bench: how fast a model is on this machine, from texts to vectors.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/cgroup.h"
#include "base/cpu.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/quantity.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/text_lines.h"
#include "cli/usage.h"
#include "cli/vector_text.h"

namespace nestvec {
namespace {

constexpr const char* kBenchExamples =
    "Examples:\n"
    "  nestvec bench jinaai/jina-embeddings-v3 --precision bf16\n"
    "  nestvec bench --workload mixed --seconds 30 --json\n"
    "  nestvec bench --graph portable --workload uniform\n"
    "\f"
    "A workload repeats one kind of call until the time is over:\n"
    "  short    one text of 16 tokens\n"
    "  uniform  8 texts of 128 tokens\n"
    "  mixed    48 texts of 4 to 512 tokens, log-normal with median 55 and sigma 1\n"
    "  long     one text of as many tokens as the model takes, at most 8,192\n"
    "\n"
    "With --on-request the model stays loaded, and idle between requests. It prints a line about\n"
    "itself. Then each line of standard input is a JSON object that says what to call:\n"
    "  \"workload\": the name of a workload, or \"texts\": the texts of a call\n"
    "  \"query\":    of a reranker, for which the texts are documents\n"
    "  \"task\":     in place of --task\n"
    "  \"seconds\":  repeat the call for this long; 0, the default, is one call\n"
    "  \"vectors\":  true also prints the vectors, or the scores of a reranker\n"
    "The answer is one line with the \"texts\" and \"tokens\" of a call and the \"seconds\" that\n"
    "each took. No call is left out: the first after loading is slower.\n"
    "  echo '{\"texts\":[\"a text\",\"another\"],\"seconds\":2}' | nestvec bench --on-request\n";

constexpr std::array<const char*, 4> kWorkloads = {"short", "uniform", "mixed", "long"};

struct BenchCommand {
  ModelOptions model;
  std::vector<std::string> workloads = {kWorkloads.begin(), kWorkloads.end()};
  double seconds = 10;
  std::string task = "none";
  bool json = false;
  bool on_request = false;
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

// What one call embeds.
struct Call {
  std::vector<std::string> texts;
  std::vector<std::string> tasks;  // one a text, or empty
  EmbedOptions options;
};

// "mixed" gives the texts the model's tasks in turn. Prompts are left out, so that lengths are what
// the workload says whatever the task.
Call call_of(const Model& model, std::vector<std::string> texts, const std::string& task) {
  Call call{std::move(texts), {}, {.task = task, .add_prompt = false}};
  const std::vector<TaskInfo>& known = model.info().tasks;
  if (task != "mixed") return call;
  call.options.task = "none";
  for (std::size_t i = 0; i < call.texts.size() && !known.empty(); ++i) {
    call.tasks.push_back(known[i % known.size()].name);
  }
  return call;
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

// Calls one after another until `seconds` are over, but one at least: the seconds of each.
template <class Run>
std::vector<double> time_calls(double seconds, const Run& run) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> calls;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  do {
    const auto start = Clock::now();
    run();
    calls.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  } while (Clock::now() < end);
  return calls;
}

std::size_t sum_of(const std::vector<std::uint32_t>& tokens) {
  return std::accumulate(tokens.begin(), tokens.end(), std::size_t{0});
}

Measurement measure(const Model& model, const BenchCommand& command, const std::string& workload) {
  const Call call = call_of(model, texts_of(workload, model.info().max_tokens), command.task);
  Measurement result;
  result.workload = workload;
  result.texts = call.texts.size();
  Embeddings embeddings;
  const auto embed = [&] { embeddings = model.predict(call.texts, call.tasks, call.options); };
  embed();  // to warm up
  result.seconds = time_calls(command.seconds, embed);
  result.tokens = sum_of(embeddings.tokens);
  std::sort(result.seconds.begin(), result.seconds.end());
  return result;
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

// What is measured.
void write_head(const ModelInfo& info, JsonObject& object) {
  object.text("model", info.id);
  object.text("graph", info.graph);
  object.text("precision", info.precision);
  object.text("isa", info.isa);
  object.text("processor", detect_cpu().model_name);
  object.count("threads", info.threads);
}

void print_line(const std::string& line, std::ostream& out) {
  out << line << '\n';
  out.flush();
}

void print_json(const ModelInfo& info, const Measurement& m, std::ostream& out) {
  std::string line;
  JsonObject object(line);
  write_head(info, object);
  object.text("workload", m.workload);
  object.count("texts", m.texts);
  object.count("tokens", m.tokens);
  object.count("calls", m.seconds.size());
  for (const auto& [name, q] : {std::pair{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}}) {
    object.fixed(name, m.quantile(q) * 1e3, 3);
  }
  object.fixed("tokens_per_second", m.rate(m.tokens), 1);
  object.count("peak_resident_bytes", resident_memory(this_system()).peak_bytes);
  object.end();
  print_line(line, out);
}

// A line of --on-request.
struct Request {
  std::vector<std::string> texts;
  std::optional<std::string> query;
  std::string task;  // empty: the command's
  double seconds = 0;
  bool vectors = false;
};

Request parse_request(const std::string& line, const std::string& name, std::size_t max_tokens) {
  const JsonDocument document = JsonDocument::parse(line, name);
  const JsonValue root = document.root();
  Request request;
  if (const auto workload = root.find("workload")) {
    const auto found = std::find(kWorkloads.begin(), kWorkloads.end(), workload->string());
    if (found == kWorkloads.end()) throw workload->error("no such workload");
    request.texts = texts_of(*found, max_tokens);
  } else {
    for (const JsonValue& text : root.at("texts").elements()) {
      request.texts.emplace_back(text.string());
    }
  }
  if (const auto query = root.find("query")) request.query = query->string();
  if (const auto task = root.find("task")) request.task = task->string();
  if (const auto seconds = root.find("seconds")) request.seconds = seconds->number();
  if (const auto vectors = root.find("vectors")) request.vectors = vectors->boolean();
  return request;
}

// An array of what append(i, out) appends.
template <class Append>
void append_array(std::size_t count, std::string& out, Append append) {
  out += '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append(i, out);
  }
  out += ']';
}

// What a call of texts or of pairs gave.
struct Answer {
  std::vector<double> seconds;
  std::size_t tokens = 0;
  std::string rows;  // vectors or scores as JSON
};

Answer embed_again(const Model& model, const Call& call, const Request& request) {
  Embeddings last;
  Answer answer;
  answer.seconds = time_calls(request.seconds,
                              [&] { last = model.predict(call.texts, call.tasks, call.options); });
  answer.tokens = sum_of(last.tokens);
  if (!request.vectors) return answer;
  append_array(last.rows, answer.rows,
               [&](std::size_t i, std::string& out) { append_json_numbers(last.row(i), out); });
  return answer;
}

Answer rerank_again(const Model& model, const Request& request) {
  Scores last;
  Answer answer;
  answer.seconds =
      time_calls(request.seconds, [&] { last = model.rerank(*request.query, request.texts); });
  answer.tokens = sum_of(last.tokens);
  append_json_numbers(last.values, answer.rows);
  return answer;
}

std::string answer_of(const Model& model, const BenchCommand& command, Request request) {
  const std::size_t texts = request.texts.size();
  const std::string& task = request.task.empty() ? command.task : request.task;
  const Answer made =
      request.query ? rerank_again(model, request)
                    : embed_again(model, call_of(model, std::move(request.texts), task), request);
  std::string answer;
  JsonObject object(answer);
  object.count("texts", texts);
  object.count("tokens", made.tokens);
  append_array(made.seconds.size(), object.key("seconds"), [&](std::size_t i, std::string& out) {
    out += number_text("%.9f", made.seconds[i]);
  });
  if (request.vectors) object.key(request.query ? "scores" : "vectors") += made.rows;
  object.end();
  return answer;
}

void answer_requests(const Model& model, const BenchCommand& command, CliContext& context) {
  std::string head;
  JsonObject object(head);
  write_head(model.info(), object);
  object.end();
  print_line(head, context.out);
  for_each_line(context.in, "standard input",
                [&](const std::string& line, const std::string& name) {
                  Request request = parse_request(line, name, model.info().max_tokens);
                  print_line(answer_of(model, command, std::move(request)), context.out);
                });
}

void run_bench(const BenchCommand& command, CliContext& context) {
  const Model model = load_chosen_model(command.model, context);
  if (command.on_request) return answer_requests(model, command, context);
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
  add_model_name(*command, options->model);
  add_model_argument(*command, options->model);
  add_model_options(*command, options->model);
  command->add_option("--workload", options->workloads, "Run these workloads; if not given, all")
      ->check(one_of(options->workloads))
      ->type_name("NAME,...")
      ->allow_extra_args(false)
      ->delimiter(',');
  command->add_option("--seconds", options->seconds, "Run each workload for this many seconds")
      ->check(CLI::Range(0.0, 3600.0).description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      ->add_option("--task", options->task,
                   "Task of the texts, without its prompt; none, or mixed for all tasks in turn")
      ->type_name("TASK")
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object for each workload");
  command->add_flag("--on-request", options->on_request,
                    "Measure calls that standard input describes (see --help-all)");
  command->footer(kBenchExamples);
  command->callback([options, &context] { run_bench(*options, context); });
}

}  // namespace nestvec
