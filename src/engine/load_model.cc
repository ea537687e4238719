// SPDX-License-Identifier: Apache-2.0
// From a configuration to a loaded model, step by step.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/cpu.h"
#include "base/environment.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/run_control.h"
#include "compile/artefact.h"
#include "config/cache_folder.h"
#include "config/model_location.h"
#include "config/model_locks.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"
#include "engine/model_folder.h"
#include "engine/outline.h"
#include "engine/settle_graph.h"
#include "nestvec/load.h"
#include "nestvec/model.h"
#include "ops/isa.h"
#include "session/ort_session.h"
#include "session/packed_session.h"
#include "tokenizer/read_token_types.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// The graph that will run and what is known of it.
struct Graph {
  std::string path;
  std::string description;
  std::string precision = "fp32";
  std::string precision_reason = "of the graph";
  bool native = false;
  ModelSpec spec;
  std::uint64_t weight_bytes = 0;
  bool published = false;
  std::shared_ptr<const FileDescriptor> hold;  // on what it runs from; may be empty
};

// The size of an ONNX file with the external data that lies beside it ("model.onnx_data").
std::uint64_t published_bytes(const std::string& path) {
  std::uint64_t bytes = 0;
  const std::string name = fs::path(path).filename().string();
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(path).parent_path())) {
    if (entry.is_regular_file() && entry.path().filename().string().starts_with(name)) {
      bytes += entry.file_size();
    }
  }
  return bytes;
}

// "onnx/model.onnx"
std::string onnx_name(const ModelFolder& folder) {
  return fs::path(folder.onnx).lexically_relative(folder.path).string();
}

Graph published_graph(const ModelFolder& folder, const ModelSpec& spec) {
  if (folder.onnx.empty()) {
    throw Error(ErrorCode::kNotFound, folder.path +
                                          ": runtime.graph is \"published\", but there is no "
                                          "onnx/model.onnx in the folder");
  }
  Graph graph;
  graph.path = folder.onnx;
  graph.spec = spec;
  graph.weight_bytes = published_bytes(folder.onnx);
  graph.published = true;
  graph.description = onnx_name(folder) + " as published";
  graph.hold = std::make_shared<const FileDescriptor>(hold_model_file(folder.onnx));
  return graph;
}

struct Precision {
  std::string name;
  std::string reason;
};

Precision choose_precision(const RuntimeOptions& runtime) {
  if (runtime.precision != "auto") return {runtime.precision, "as configured"};
  const std::string name = native_precision();
  return {name, name == "bf16" ? "auto: this CPU computes in bf16"
                               : "auto: this CPU does not compute in bf16"};
}

Graph graph_of(const Artefact& artefact, const std::string& origin) {
  Graph graph;
  graph.native = artefact.layout == "packed";
  graph.path = artefact.graph_path;
  graph.weight_bytes = artefact.weight_bytes;
  graph.precision = artefact.precision;
  graph.description =
      std::string(graph.native ? "native " : "portable ") + artefact.precision + ", " + origin;
  graph.spec = artefact.spec;
  graph.hold = artefact.hold;
  return graph;
}

Graph compiled_graph(const Outline& outline, const RuntimeOptions& runtime, CompileOptions options,
                     const LogSink& log) {
  const ModelFolder& folder = outline.folder;
  Precision precision{"fp32", "of portable graphs"};
  if (runtime.graph == "portable") {
    options.layout = "rectangular";
  } else {
    precision = choose_precision(runtime);
  }
  options.precision = precision.name;
  const Artefact artefact =
      compile_into_cache(folder.path, outline.spec,
                         cache_folder(runtime.cache_dir, process_environment()), options, log);
  Graph graph = graph_of(
      artefact,
      "compiled from " + (folder.has_safetensors ? std::string("safetensors") : onnx_name(folder)));
  graph.precision_reason = precision.reason;
  return graph;
}

// Token types are written into a graph when it is made.
void check_token_types(const ModelSpec& spec, const std::string& folder) {
  if (spec.token_types < 2 || read_token_types(folder) == spec.text_types) return;
  throw Error(ErrorCode::kFailedPrecondition,
              folder +
                  ": tokenizer.json has other token types than the compiled graph; compile "
                  "the model again");
}

// A folder that `nestvec compile` wrote.
Graph ready_graph(const ModelFolder& folder, const RuntimeOptions& runtime) {
  Graph graph = graph_of(open_artefact(folder.path), "compiled before");
  graph.precision_reason = "as compiled";
  check_token_types(graph.spec, folder.path);
  if (runtime.graph == "auto" || (runtime.graph == "native") == graph.native) return graph;
  throw Error(ErrorCode::kInvalidArgument, folder.path + ": runtime.graph is \"" + runtime.graph +
                                               "\", but the folder holds a compiled graph, " +
                                               graph.description);
}

// An export that lacks weights by their names can still run as it is, if that is allowed.
bool is_to_compile(const Outline& outline, const RuntimeOptions& runtime, const LogSink& log) {
  const ModelFolder& folder = outline.folder;
  if (runtime.graph == "published") return false;
  if (folder.has_safetensors) return true;
  try {
    check_weights(folder.path, outline.spec);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    if (runtime.graph != "auto") {
      throw Error(error.code(), std::string(error.what()) +
                                    "; add model.safetensors to the folder or set runtime.graph to "
                                    "published");
    }
    log("running the ONNX export as it is; a graph compiled from its weights would be faster: " +
        std::string(error.what()));
    return false;
  }
}

Graph choose_graph(const Outline& outline, const RuntimeOptions& runtime,
                   const CompileOptions& options, const LogSink& log) {
  const ModelFolder& folder = outline.folder;
  Graph graph = folder.is_compiled ? ready_graph(folder, runtime)
                : is_to_compile(outline, runtime, log)
                    ? compiled_graph(outline, runtime, options, log)
                    : published_graph(folder, outline.spec);
  if (runtime.precision != "auto" && runtime.precision != graph.precision) {
    throw Error(ErrorCode::kInvalidArgument,
                "runtime.precision \"" + runtime.precision +
                    "\" is not what the graph computes in: " + graph.description);
  }
  return graph;
}

// The least of what the positions, the folder's files and the configuration allow.
std::size_t choose_max_tokens(const ModelFolder& folder, const ModelSpec& spec,
                              const RuntimeOptions& runtime) {
  std::size_t limit = spec.max_positions;
  if (folder.max_tokens > 0) limit = std::min(limit, folder.max_tokens);
  if (runtime.max_tokens > limit) {
    throw Error(ErrorCode::kInvalidArgument,
                "runtime.max_tokens " + std::to_string(runtime.max_tokens) +
                    " is over the model's limit of " + std::to_string(limit));
  }
  return runtime.max_tokens > 0 ? runtime.max_tokens : limit;
}

// A prompt that fills the model leaves nothing of a text, so that all texts have one vector.
void check_prompts(const Tokenizer& tokenizer, const ModelInfo& info) {
  for (const TaskInfo& task : info.tasks) {
    if (task.prompt.empty()) continue;
    const std::size_t tokens = tokenizer.encode(task.prompt).ids.size();
    if (tokens < info.max_tokens) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "the prompt \"" + excerpt(task.name) + "\" (" + info.prompts_source + ") has " +
                    std::to_string(tokens) + " tokens with special tokens, and the model takes " +
                    std::to_string(info.max_tokens) +
                    ", so no text fits after it; shorten it, or set another in runtime.prompts");
  }
}

MemoryFacts memory_facts(const Graph& graph, const ModelFolder& folder, std::size_t max_tokens,
                         std::size_t max_batch_tokens) {
  MemoryFacts facts;
  facts.weight_bytes = graph.weight_bytes;
  facts.tokenizer_bytes = fs::file_size(folder.tokenizer);
  facts.hidden = graph.spec.hidden;
  facts.intermediate = graph.spec.intermediate;
  facts.heads = graph.spec.heads;
  facts.max_tokens = max_tokens;
  facts.max_batch_tokens = max_batch_tokens;
  facts.native = graph.native;
  facts.full_attention = graph.published;
  facts.merges_adapters = graph.published && !graph.spec.adapters.tasks.empty();
  return facts;
}

// Decides the threads, and checks the memory against the budget.
void plan_resources(const ComputeInfo& compute, std::size_t wanted_threads, MemoryFacts facts,
                    ModelInfo& info) {
  const ThreadPlan threads = decide_threads(compute.cpu_limit, wanted_threads);
  info.threads = threads.threads;
  info.threads_reason = threads.reason;
  facts.threads = threads.threads;
  check_budget(facts, compute.cpu_memory_bytes);
  info.memory_plan_bytes = plan_memory(facts).total();
  info.memory_plan = describe_plan(facts, compute.cpu_memory_bytes);
}

// What a row of the graph is made of, and the tokens of a pair where their number is limited.
void settle_pooling(const RuntimeOptions& runtime, Outline& outline) {
  if (!outline.spec.head.classifier) return settle_pooling(runtime, outline.folder);
  outline.folder.pooling = Pooling::kCls;
  const std::size_t limit = outline.score_rules.max_tokens;
  if (limit > 0) outline.folder.max_tokens = limit;
}

// A few tokens that were added to the tokenizer and not to the model hurt only the texts that have
// them, which are refused; many show that the files do not belong together. True where some were.
bool exceeds_vocabulary(const Tokenizer& tokenizer, const ModelSpec& spec, const std::string& path,
                        const LogSink& note) {
  if (tokenizer.vocabulary_size() <= spec.vocabulary) return false;
  const std::string sizes = path + ": has " + std::to_string(tokenizer.vocabulary_size()) +
                            " tokens, the model's word table only " +
                            std::to_string(spec.vocabulary);
  constexpr std::size_t kFew = 8;
  const std::size_t excess = tokenizer.vocabulary_size() - spec.vocabulary;
  if (excess > std::max(kFew, spec.vocabulary / 100)) {
    throw Error(ErrorCode::kInvalidArgument, sizes + "; the two files do not belong together");
  }
  note("warning: " + sizes + "; texts with a token beyond it are refused");
  return true;
}

const char* pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::kMean:
      return "mean";
    case Pooling::kCls:
      return "cls";
    case Pooling::kLast:
      break;
  }
  return "lasttoken";
}

// `scores`: for the outputs of the classifier, else for vectors.
std::unique_ptr<Session> open_session(const Graph& graph, bool scores, std::size_t threads,
                                      Isa isa) {
  if (!graph.native) {
    return open_ort_session({.graph_path = graph.path,
                             .threads = threads,
                             .pad_id = graph.spec.pad_id,
                             .first_position = graph.spec.position_offset,
                             .token_types = graph.spec.text_types,
                             .width = scores ? 0 : graph.spec.hidden,
                             .scores = scores});
  }
  std::unique_ptr<Session> session = open_packed_session({graph.path, threads, isa, scores});
  if (scores || session->width() == graph.spec.hidden) return session;
  throw Error(ErrorCode::kDataLoss, graph.path + ": gives " + std::to_string(session->width()) +
                                        " dimensions, its manifest says " +
                                        std::to_string(graph.spec.hidden));
}

void describe_graph(const Graph& graph, const ModelFolder& folder, ModelInfo& info) {
  info.graph = graph.description;
  info.precision = graph.precision;
  info.precision_reason = graph.precision_reason;
  info.pooling = pooling_name(folder.pooling);
}

void settle_graph(const Session& session, const Outline& outline, const RuntimeOptions& runtime,
                  ModelInfo& info, const LogSink& note) {
  settle_length(session, runtime, info);
  if (outline.spec.head.classifier) {
    settle_outputs(session, outline.folder, info, note);
  } else {
    settle_vectors(session, outline.folder, runtime, info, note);
  }
}

// Whether a classifier is told of which text each token is.
bool takes_pair_types(const Tokenizer& tokenizer, const ModelSpec& spec, const ScoreRules& rules,
                      const std::string& path) {
  if (rules.labels.empty() || !rules.token_types) return false;
  if (tokenizer.has_pairs()) {
    const std::uint32_t one[] = {0};
    Tokens pair;
    tokenizer.join_pair(one, one, pair);
    for (const std::uint8_t type : pair.type_ids) {
      if (type < spec.token_types) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  path + ": post_processor: type_id " + std::to_string(type) +
                      " of a pair is not below config.json's type_vocab_size of " +
                      std::to_string(spec.token_types));
    }
  }
  return spec.token_types > 1;
}

LogSink sink_or_nothing(const LogSink& sink) {
  return sink ? sink : [](std::string_view) {};
}

}  // namespace

Model load_model(const ModelConfig& config, const LogSink& log) {
  return load_model(config, {.note = log, .detail = log}, std::stop_token());
}

Model load_model(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop) {
  const RunControl control{stop, std::nullopt};
  const LogSink note = sink_or_nothing(log.note);
  const LogSink detail = sink_or_nothing(log.detail);
  for (const std::string& warning : config.warnings) note(warning);
  Outline outline = read_outline(config, note);
  if (log.outline) log.outline(outline.info);
  ModelFolder& folder = outline.folder;
  const bool scores = outline.spec.head.classifier.has_value();
  settle_pooling(config.runtime, outline);
  Tokenizer tokenizer = Tokenizer::load(folder.tokenizer, folder.normalizer);
  ModelInfo info = std::move(outline.info);
  info.max_tokens = choose_max_tokens(folder, outline.spec, config.runtime);
  info.max_batch_tokens = std::max(config.runtime.max_batch_tokens, info.max_tokens);
  check_prompts(tokenizer, info);
  const Isa isa = machine_isa();
  CompileOptions compile;
  compile.control = control;
  compile.progress = log.progress;
  compile.head = scores || !folder.is_classifier;
  const Graph graph = choose_graph(outline, config.runtime, compile, note);
  control.check();
  const bool exceeds = exceeds_vocabulary(tokenizer, graph.spec, folder.tokenizer, note);
  describe_graph(graph, folder, info);
  info.isa = graph.native ? isa_name(isa) : best_isa();
  info.vocabulary = tokenizer.vocabulary_size();
  plan_resources(config.inference_compute_info, config.runtime.threads,
                 memory_facts(graph, folder, info.max_tokens, info.max_batch_tokens), info);
  detail("memory plan: " + info.memory_plan);
  detail("precision: " + info.precision + " (" + info.precision_reason + "), " + info.isa);
  detail("threads: " + info.threads_reason);

  std::unique_ptr<Session> session = open_session(graph, scores, info.threads, isa);
  control.check();
  settle_graph(*session, outline, config.runtime, info, note);
  if (session->longest() > 0) check_prompts(tokenizer, info);
  const bool takes_types =
      takes_pair_types(tokenizer, graph.spec, outline.score_rules, folder.tokenizer);
  const bool truncates_left = folder.truncates_left.value_or(tokenizer.truncates_left());
  Model::Engine::Parts parts{.info = std::move(info),
                             .tokenizer = std::move(tokenizer),
                             .tasks = std::move(outline.tasks),
                             .pooling = folder.pooling,
                             .normalize = folder.normalize,
                             .session = std::move(session),
                             .batch_milliseconds = config.runtime.batch_milliseconds,
                             .cache_bytes = config.runtime.vector_cache_bytes,
                             .include_prompt = folder.include_prompt,
                             .truncates_left = truncates_left,
                             .vocabulary = exceeds ? graph.spec.vocabulary : 0,
                             .dimensions = folder.dimensions,
                             .scores = scores,
                             .score_rules = std::move(outline.score_rules),
                             .takes_types = takes_types,
                             .text_types = graph.spec.text_types,
                             .hold = graph.hold};
  parts.max_batch_tokens = parts.info.max_batch_tokens;
  return Model(std::make_unique<const Model::Engine>(std::move(parts)));
}

Model load_model(const std::string& folder_or_repo, const LogSink& log) {
  return load_model(config_for_model(folder_or_repo), log);
}

}  // namespace nestvec
