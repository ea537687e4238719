// SPDX-License-Identifier: Apache-2.0
// From a configuration to a loaded model, step by step.
#include "engine/loading_model.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/cpu.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/run_control.h"
#include "compile/artefact.h"
#include "compile/manifest.h"
#include "engine/choose_graph.h"
#include "engine/engine.h"
#include "engine/model_folder.h"
#include "engine/outline.h"
#include "engine/score_plan.h"
#include "engine/settle_graph.h"
#include "engine/side_outputs.h"
#include "ops/isa.h"
#include "session/ort_session.h"
#include "session/packed_session.h"

namespace nestvec {

namespace {

namespace fs = std::filesystem;

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
  facts.module_bytes = folder.modules.empty() ? 0 : module_bytes(folder.modules);
  facts.keeps_tokens = pool_kind(folder.pooling) != PoolKind::kMean;
  facts.weight_bytes = graph.weight_bytes;
  facts.tokenizer_bytes = fs::file_size(folder.tokenizer);
  facts.hidden = graph.spec.hidden;
  facts.intermediate = graph.spec.intermediate;
  facts.gated = graph.spec.block.gated;
  facts.heads = graph.spec.heads;
  facts.kv_heads = graph.spec.kv_heads();
  facts.head_width = graph.spec.head_width();
  facts.max_tokens = max_tokens;
  facts.max_batch_tokens = max_batch_tokens;
  facts.native = graph.native;
  const bool biased = graph.spec.block.score_bias != ScoreBias::kNone;
  facts.full_attention = graph.published || (biased && !graph.native);
  facts.vocabulary = graph.spec.head.vocabulary ? graph.spec.vocabulary : 0;
  facts.token_vectors = graph.spec.head.token_vectors;
  facts.merges_adapters = graph.published && !graph.spec.adapters.tasks.empty();
  return facts;
}

Pooling pooling_of(HeadPooling pooling) {
  switch (pooling) {
    case HeadPooling::kFirst:
      return Pooling::kCls;
    case HeadPooling::kMean:
    case HeadPooling::kLate:
      return Pooling::kMean;
    case HeadPooling::kLast:
      break;
  }
  return Pooling::kLast;
}

// What a row of the graph is made of, and the tokens of a pair where their number is limited.
void settle_pooling(const RuntimeOptions& runtime, Outline& outline) {
  if (!outline.spec.head.classifier) return settle_pooling(runtime, outline.folder);
  outline.folder.pooling = pooling_of(outline.spec.head.classifier->pooling);
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

struct WantedOutputs {
  bool scores = false;  // of the classifier, else vectors and what `side` lists
  PoolKind pool = PoolKind::kMean;
  const SideOutputs& side;
};
std::unique_ptr<Session> open_session(const Graph& graph, const WantedOutputs& wanted,
                                      std::size_t threads, std::shared_ptr<Compute> compute) {
  const auto& [scores, pool, side] = wanted;
  if (!graph.native) {
    return open_ort_session({.graph_path = graph.path,
                             .threads = threads,
                             .pad_id = graph.spec.pad_id,
                             .first_position = graph.spec.position_offset,
                             .token_types = graph.spec.text_types,
                             .width = scores ? 0 : graph.spec.hidden,
                             .scores = scores,
                             .side = side,
                             .pool = pool});
  }
  std::unique_ptr<Session> session = open_packed_session({.graph_path = graph.path,
                                                          .threads = threads,
                                                          .isa = machine_isa(),
                                                          .scores = scores,
                                                          .side = side,
                                                          .pool = pool,
                                                          .compute = std::move(compute)});
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
  if (rules.labels.empty() || !rules.token_types || spec.token_types == 0) return false;
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

// Query and document of a layout are tokenised apart.
void check_layout(const Tokenizer& tokenizer, const ScoreRules& rules, const std::string& path) {
  if (!rules.layout || splits_at_document(tokenizer, *rules.layout)) return;
  throw Error(ErrorCode::kUnimplemented,
              path +
                  ": the tokenizer joins tokens of the chat template and of the document, which is "
                  "not supported");
}

// Late chunking pools the tokens of a chunk, which must have seen what follows them.
std::string why_no_late_chunking(const ModelSpec& spec, Pooling pooling) {
  if (spec.block.causal) {
    return "a token sees only those before it, so a chunk knows nothing of the chunks behind it; "
           "send the chunks as texts of their own";
  }
  if (pooling == Pooling::kLast) {
    return "a text's vector is that of its last token (pooling lasttoken), which a chunk inside a "
           "text does not have; send the chunks as texts of their own";
  }
  return "";
}

LogSink sink_or_nothing(const LogSink& sink) {
  return sink ? sink : [](std::string_view) {};
}

// `note`, which has been told what the configuration's reader found.
LogSink warned_of(const ModelConfig& config, LogSink note) {
  for (const std::string& warning : config.warnings) note(warning);
  return note;
}

// Of the file whose pages models share that map it: "64769:1234", or nothing.
std::string identity_of(const Graph& graph) {
  const std::string weights = fs::path(graph.path).parent_path() / kDataName;
  struct stat file{};
  if (!graph.native || ::stat(weights.c_str(), &file) != 0) return "";
  return std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
}

}  // namespace

struct LoadingModel::State {
  State(const ModelConfig& from, const LoadLog& log, const std::stop_token& stop)
      : config(from),
        control{stop, std::nullopt},
        note(sink_or_nothing(log.note)),
        detail(sink_or_nothing(log.detail)),
        outline(read_outline(config, warned_of(config, note))) {}

  ModelConfig config;
  RunControl control;
  LogSink note;
  LogSink detail;
  Outline outline;
  std::optional<Tokenizer> tokenizer;
  ModelInfo info;
  Isa isa = Isa::kGeneric;
  Graph graph;
  bool exceeds = false;
  MemoryFacts facts;
};

LoadingModel::LoadingModel(const ModelConfig& config, const LoadLog& log,
                           const std::stop_token& stop, std::size_t threads)
    : state_(std::make_unique<State>(config, log, stop)) {
  const LogSink& note = state_->note;
  Outline& outline = state_->outline;
  if (log.outline) log.outline(outline.info);
  ModelFolder& folder = outline.folder;
  settle_pooling(config.runtime, outline);
  Tokenizer& tokenizer =
      state_->tokenizer.emplace(Tokenizer::load(folder.tokenizer, folder.normalizer));
  ModelInfo& info = state_->info;
  info = std::move(outline.info);
  info.max_tokens = choose_max_tokens(folder, outline.spec, config.runtime);
  info.max_batch_tokens = std::max(config.runtime.max_batch_tokens, info.max_tokens);
  check_prompts(tokenizer, info);
  state_->isa = machine_isa();
  CompileOptions compile;
  compile.control = state_->control;
  compile.progress = log.progress;
  compile.head = outline.spec.head.any() || !folder.is_classifier;
  Graph& graph = state_->graph;
  graph = choose_graph(outline, config.runtime, compile, note);
  state_->control.check();
  state_->exceeds = exceeds_vocabulary(tokenizer, graph.spec, folder.tokenizer, note);
  describe_graph(graph, folder, info);
  info.isa = graph.native ? isa_name(state_->isa) : best_isa();
  info.vocabulary = tokenizer.vocabulary_size();
  info.threads = threads;
  state_->facts = memory_facts(graph, folder, info.max_tokens, info.max_batch_tokens);
  state_->facts.threads = threads;
}

LoadingModel::LoadingModel(LoadingModel&&) noexcept = default;
LoadingModel::~LoadingModel() = default;

ModelShare LoadingModel::share() const {
  return {state_->info.id, state_->facts, identity_of(state_->graph)};
}

Model LoadingModel::open(SharedParts shared, const std::string& threads_reason) {
  const ModelConfig& config = state_->config;
  const LogSink& note = state_->note;
  const LogSink& detail = state_->detail;
  Outline& outline = state_->outline;
  ModelFolder& folder = outline.folder;
  Tokenizer& tokenizer = *state_->tokenizer;
  ModelInfo& info = state_->info;
  const Graph& graph = state_->graph;
  info.threads_reason = threads_reason;
  info.memory_plan_bytes = plan_memory(state_->facts).total();
  info.memory_plan = describe_plan(state_->facts, config.inference_compute_info.cpu_memory_bytes);
  detail("memory plan: " + info.memory_plan);
  detail("precision: " + info.precision + " (" + info.precision_reason + "), " + info.isa);
  detail("threads: " + info.threads_reason);

  const bool scores = outline.spec.head.classifier.has_value();
  SideOutputs side = side_outputs(graph.spec, tokenizer);
  std::unique_ptr<Session> session = open_session(graph, {scores, pool_kind(folder.pooling), side},
                                                  info.threads, std::move(shared.compute));
  state_->control.check();
  settle_graph(*session, outline, config.runtime, info, note);
  if (!scores) describe_sides(graph.spec.head, info);
  if (session->longest() > 0) check_prompts(tokenizer, info);
  const bool takes_types =
      takes_pair_types(tokenizer, graph.spec, outline.score_rules, folder.tokenizer);
  check_layout(tokenizer, outline.score_rules, folder.path);
  std::unique_ptr<const ModuleStack> modules;
  if (runs_modules(*session, folder)) {
    modules = std::make_unique<ModuleStack>(folder.modules, session->width(), machine_isa());
  }
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
                             .vocabulary = state_->exceeds ? graph.spec.vocabulary : 0,
                             .dimensions = folder.dimensions,
                             .side = std::move(side),
                             .scores = scores,
                             .score_rules = std::move(outline.score_rules),
                             .takes_types = takes_types,
                             .text_types = graph.spec.text_types,
                             .hold = graph.hold,
                             .no_late_chunking = why_no_late_chunking(graph.spec, folder.pooling),
                             .modules = std::move(modules),
                             .matryoshka_layer_norm = config.runtime.matryoshka_layer_norm,
                             .scheduler = std::move(shared.scheduler),
                             .share = std::move(shared.share)};
  parts.max_batch_tokens = parts.info.max_batch_tokens;
  return Model(std::make_unique<const Model::Engine>(std::move(parts)));
}

}  // namespace nestvec
