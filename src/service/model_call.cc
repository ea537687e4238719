// SPDX-License-Identifier: Apache-2.0
#include "service/model_call.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/out_of_memory.h"
#include "service/call_counts.h"
#include "service/call_failure.h"
#include "service/error_style.h"
#include "service/model_kind.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

bool has_contexts(const EmbedCall& call) {
  return call.options.late_chunking && !call.documents.empty();
}

// The document that a text is a chunk of.
std::size_t document_of(const EmbedCall& call, std::size_t text) {
  std::size_t document = 0;
  while (document + 1 < call.documents.size() && text >= call.documents[document]) {
    text -= call.documents[document];
    ++document;
  }
  return document;
}

// A fault of the texts as the client knows them: by its own inputs.
Error of_client(const EmbedCall& call, std::size_t part, const Error& error) {
  ErrorDetail detail = error.detail();
  if (error.code() != ErrorCode::kInvalidArgument && !is_too_long(error)) return error;
  if (has_contexts(call) || call.token_vectors) {
    detail.text = part;
  } else if (detail.text && !call.documents.empty()) {
    detail.text = document_of(call, *detail.text);
  }
  if (!detail.text || call.documents.empty()) return {error.code(), error.what(), detail};
  return {error.code(), call.param + "[" + std::to_string(*detail.text) + "]: " + error.what(),
          detail};
}

// Throws Error where the model does not give what is asked for.
void require_vectors(const ModelInfo& model, const EmbedCall& call) {
  if (call.options.dense || call.token_vectors) require_kind(model, ModelKind::kEmbed);
  if (call.options.sparse) require_kind(model, ModelKind::kSparse);
  if (call.options.multi_vector) require_kind(model, ModelKind::kMultiVector);
}

// What becoming tokens takes while it is done: calls come one after another, and so do the texts of
// one but for those of a context.
MemoryShare memory_for_tokens(const Caller& caller, const std::vector<EmbedCall>& calls) {
  if (calls.empty()) return {};
  std::size_t most = 0;
  for (const EmbedCall& call : calls) {
    most = std::max(most, bytes_at_once(call.texts, call.options.late_chunking));
  }
  return memory_for_bytes(caller.memory, most, RequestMemory::kTokenizing, caller.held);
}

}  // namespace

ModelCall::ModelCall(const Service& service, const Caller& caller, Asked asked, Render render,
                     Done done)
    : service_(service),
      control_(control_of(caller, service.options)),
      asked_(std::move(asked)),
      parts_(parts_of(asked_)),
      render_(std::move(render)),
      done_(std::move(done)) {
  if (asked_.scores) apply_caller(caller, service, asked_.scores->options);
  std::size_t bytes = 0;
  for (const EmbedCall& call : asked_.vectors) bytes += bytes_at_once(call.texts, true);
  for (EmbedCall& call : asked_.vectors) {
    apply_caller(caller, service, call.options);
    call.options.queue.priority = class_of_parts(call.options.queue.priority, parts_.size(), bytes);
  }
}

ModelCall::~ModelCall() { fail(out_of_memory()); }

Priority class_of_parts(Priority wanted, std::size_t parts, std::size_t bytes) {
  // About as many as the tokens up to which the model itself takes a call for an interactive one.
  constexpr std::size_t kInteractiveBytes = 4096;
  const bool decides = wanted == Priority::kAuto && parts > 1;
  return decides && bytes > kInteractiveBytes ? Priority::kBulk : wanted;
}

std::vector<ModelCall::Part> ModelCall::parts_of(const Asked& asked) {
  std::vector<Part> parts;
  if (asked.scores && asked.scores->size() > 0) parts.push_back({0, 0, 0, asked.scores->size()});
  for (std::size_t i = 0; i < asked.vectors.size(); ++i) {
    const EmbedCall& call = asked.vectors[i];
    std::vector<std::size_t> sizes;
    if (has_contexts(call)) {
      sizes = call.documents;
    } else if (call.token_vectors) {
      sizes.assign(call.texts.size(), 1);
    } else if (!call.texts.empty()) {
      sizes = {call.texts.size()};
    }
    std::size_t begin = 0;
    for (std::size_t index = 0; index < sizes.size(); ++index) {
      parts.push_back({i, index, begin, begin + sizes[index]});
      begin += sizes[index];
    }
  }
  return parts;
}

void ModelCall::start(const Service& service, const Caller& caller, std::vector<EmbedCall> calls,
                      Render render, Done done) {
  for (const EmbedCall& call : calls) require_vectors(service.model.info(), call);
  MemoryShare tokens = caller.has_paid ? MemoryShare() : memory_for_tokens(caller, calls);
  const auto call = std::make_shared<ModelCall>(service, caller, Asked{.vectors = std::move(calls)},
                                                std::move(render), std::move(done));
  call->tokens_ = std::move(tokens);
  ask(call);
}

void ModelCall::start(const Service& service, const Caller& caller, ScoreCall asked, Render render,
                      Done done) {
  const bool ranks = !asked.documents.empty();
  require_kind(service.model.info(), ranks ? ModelKind::kRerank : ModelKind::kClassify);
  MemoryShare tokens;
  if (!caller.has_paid) {
    tokens = memory_for_bytes(caller.memory, text_bytes_at_once(asked), RequestMemory::kTokenizing,
                              caller.held);
  }
  const auto call = std::make_shared<ModelCall>(service, caller, Asked{.scores = std::move(asked)},
                                                std::move(render), std::move(done));
  call->tokens_ = std::move(tokens);
  ask(call);
}

void ModelCall::ask(const std::shared_ptr<ModelCall>& self) noexcept {
  if (self->parts_.empty()) return go_on(self, std::vector<PartRows>());
  Gathered gather;  // ends the call from here on
  try {
    gather =
        std::make_shared<PartGather>(self->parts_.size(), self->service_.post, self->control_.stop,
                                     [self](Gathering result) { go_on(self, std::move(result)); });
    end_at_deadline(self->service_.after, self->control_.deadline, gather);
  } catch (...) {
    return self->fail(current_error());
  }
  self->feed_.running = true;
  feed(self, gather);
}

void ModelCall::feed(const std::shared_ptr<ModelCall>& self, const Gathered& gather) noexcept {
  Feed& feed = self->feed_;
  std::unique_lock lock(self->mutex_);
  while (feed.next < self->parts_.size() && !gather->ended()) {
    const std::size_t part = feed.next;
    feed.beside = feed.with_model++;
    lock.unlock();
    try {
      ask_part(self, part, gather);
    } catch (...) {
      gather->fail(current_error());
    }
    lock.lock();
    if (!std::exchange(feed.refused, false)) {
      ++feed.next;
    } else if (feed.with_model > 0) {
      feed.running = false;  // the end of one of them goes on
      return;
    }
  }
  self->tokens_ = MemoryShare();
}

bool ModelCall::waits_for_its_own(std::size_t part, const Error& error) {
  const bool is_full = error.code() == ErrorCode::kResourceExhausted &&
                       error.detail().retry_after > std::chrono::milliseconds(0);
  const std::lock_guard lock(mutex_);
  --feed_.with_model;
  feed_.refused = is_full && feed_.running && feed_.next == part && feed_.beside > 0;
  return feed_.refused;
}

// Another part has its rows.
void ModelCall::bring_more(const std::shared_ptr<ModelCall>& self, const Gathered& gather) {
  {
    const std::lock_guard lock(self->mutex_);
    --self->feed_.with_model;
    const bool waits = !self->feed_.running && self->feed_.next < self->parts_.size();
    if (!waits) return;
    self->feed_.running = true;
  }
  self->service_.post([self, gather] { feed(self, gather); });
}

// A fault of a part as the client knows it.
Error ModelCall::of_part(std::size_t part, const Error& error) const {
  if (asked_.scores) return error;  // its index is among the call's documents or pairs
  const Part& range = parts_[part];
  return of_client(asked_.vectors[range.call], range.index, error);
}

template <typename Given, typename Take>
void ModelCall::bring(const std::shared_ptr<ModelCall>& self, const Gathered& gather,
                      std::size_t part, Result<Given> result, const Take& take) noexcept {
  try {
    if (!result.ok()) {
      if (self->waits_for_its_own(part, result.error())) return;
      return gather->fail(self->of_part(part, result.error()));
    }
    gather->put(part, take(std::move(result).value()));
    bring_more(self, gather);
  } catch (...) {
    gather->fail(current_error());
  }
}

void ModelCall::ask_part(const std::shared_ptr<ModelCall>& self, std::size_t part,
                         const Gathered& gather) {
  if (self->asked_.scores) return ask_for_scores(self, gather);
  const Part& range = self->parts_[part];
  const EmbedCall& call = self->asked_.vectors[range.call];
  EmbedOptions options = part_options(call.options, part, *gather);
  std::span<const std::string> tasks = call.tasks;
  if (options.late_chunking || call.token_vectors) {
    // A context has one task, and so has a text.
    if (!tasks.empty() && !tasks[range.begin].empty()) options.task = tasks[range.begin];
    tasks = {};
  }
  if (call.token_vectors) {
    self->service_.model.tokenize_and_embed_async(
        call.texts[range.begin], options, [self, gather, part](Result<TokenEmbeddings> result) {
          bring(self, gather, part, std::move(result), [&](TokenEmbeddings tokens) {
            self->check_numbers(self->asked_.vectors[self->parts_[part].call], tokens);
            return PartRows{.tokens = std::move(tokens)};
          });
        });
    return;
  }
  const std::span texts = std::span(call.texts).subspan(range.begin, range.end - range.begin);
  self->service_.model.predict_async(
      texts, tasks, options, [self, gather, part](Result<Embeddings> result) {
        bring(self, gather, part, std::move(result),
              [](Embeddings rows) { return PartRows{.rows = std::move(rows)}; });
      });
}

void ModelCall::ask_for_scores(const std::shared_ptr<ModelCall>& self, const Gathered& gather) {
  const ScoreCall& call = *self->asked_.scores;
  const ScoreOptions options = part_options(call.options, 0, *gather);
  const auto done = [self, gather](Result<Scores> result) {
    bring(self, gather, 0, std::move(result),
          [](Scores scores) { return PartRows{.scores = std::move(scores)}; });
  };
  if (!call.documents.empty()) {
    self->service_.model.rerank_async(call.query, call.documents, options, done);
    return;
  }
  std::vector<TextPair> pairs;
  pairs.reserve(call.pairs.size());
  for (const ScoreCall::Pair& pair : call.pairs) pairs.push_back({pair.first, pair.second});
  self->service_.model.classify_async(pairs, options, done);
}

void ModelCall::check_numbers(const EmbedCall& call, const TokenEmbeddings& part) {
  if (call.max_numbers == 0) return;
  const std::size_t count = part.values.size();
  if (numbers_.fetch_add(count) + count <= call.max_numbers) return;
  throw Error(ErrorCode::kInvalidArgument,
              "the token vectors of these inputs are more than " +
                  std::to_string(call.max_numbers) +
                  " numbers, the limit of an answer; send fewer or shorter inputs at once");
}

void ModelCall::go_on(const std::shared_ptr<ModelCall>& self, Gathering result) noexcept {
  try {
    const auto shared = std::make_shared<Gathering>(std::move(result));
    self->service_.post([self, shared] { self->finish(*shared); });
  } catch (...) {
    self->fail(current_error());
  }
}

void ModelCall::finish(Gathering& result) noexcept {
  try {
    const std::vector<CallRows> rows = sort_out(std::move(result.value()));
    Pace pace(control_);
    render_(rows, pace);
    count(rows);
    end(nullptr);
  } catch (const Error& error) {
    fail(error);
  } catch (...) {
    fail(current_error());
  }
}

std::vector<CallRows> ModelCall::sort_out(std::vector<PartRows> rows) const {
  if (asked_.scores) {
    std::vector<CallRows> scored(1);
    if (!rows.empty()) scored.front().scores = std::move(rows.front().scores);
    scored.front().rows = without_values(scored.front().scores);
    return scored;
  }
  std::vector<CallRows> sorted(asked_.vectors.size());
  std::vector<Embeddings> parts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t call = parts_[i].call;
    if (asked_.vectors[call].token_vectors) {
      sorted[call].tokens.push_back(std::move(rows[i].tokens));
    } else {
      parts.push_back(std::move(rows[i].rows));
    }
    if (i + 1 < rows.size() && parts_[i + 1].call == call) continue;
    sorted[call].rows = asked_.vectors[call].token_vectors ? without_values(sorted[call].tokens)
                                                           : join_rows(std::exchange(parts, {}));
  }
  return sorted;
}

void ModelCall::count(const std::vector<CallRows>& rows) const {
  if (asked_.scores) return count_pairs(service_, *asked_.scores, rows.front().rows);
  for (std::size_t i = 0; i < asked_.vectors.size(); ++i) {
    if (!asked_.vectors[i].texts.empty()) count_texts(service_, asked_.vectors[i], rows[i].rows);
  }
}

void ModelCall::end(const Error* error) noexcept {
  if (!ended_.exchange(true)) done_(error);
}

void ModelCall::fail(const Error& error) noexcept {
  if (ended_) return;
  try {
    count_failed_call(service_, error);
  } catch (...) {
    // Without memory it is not counted, but it is told.
  }
  end(&error);
}

}  // namespace nestvec
