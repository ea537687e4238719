// SPDX-License-Identifier: Apache-2.0
#include "service/model_call.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/out_of_memory.h"
#include "service/call_failure.h"
#include "service/error_style.h"
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

// What texts took whose tokens have vectors, as of rows.
Embeddings without_values(const std::vector<TokenEmbeddings>& texts) {
  Embeddings sum;
  sum.rows = texts.size();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const TokenEmbeddings& text = texts[i];
    sum.tokens.push_back(static_cast<std::uint32_t>(text.tokens));
    if (text.truncated) sum.truncated.push_back(static_cast<std::uint32_t>(i));
    sum.timing.tokenize += text.timing.tokenize;
    sum.timing.queue = std::max(sum.timing.queue, text.timing.queue);
    sum.timing.compute = std::max(sum.timing.compute, text.timing.compute);
  }
  return sum;
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

// Texts of one task.
struct Share {
  std::string_view task;
  std::uint64_t texts = 0;
  std::uint64_t tokens = 0;
};

std::vector<Share> shares_of(const EmbedCall& call, const Embeddings& rows,
                             std::string_view default_task) {
  const std::string_view standard =
      call.options.task.empty() ? default_task : std::string_view(call.options.task);
  std::vector<Share> shares;  // few
  for (std::size_t i = 0; i < call.texts.size(); ++i) {
    const bool own = i < call.tasks.size() && !call.tasks[i].empty();
    std::string_view task = own ? std::string_view(call.tasks[i]) : standard;
    if (task.empty()) task = "none";
    auto share = std::ranges::find(shares, task, &Share::task);
    if (share == shares.end()) share = shares.insert(share, {.task = task});
    ++share->texts;
    if (i < rows.tokens.size()) share->tokens += rows.tokens[i];
  }
  return shares;
}

void count_texts(const Service& service, const EmbedCall& call, const Embeddings& rows) {
  for (const Share& share : shares_of(call, rows, service.model.info().default_task)) {
    const std::string label = metric_label("task", share.task);
    service.metrics.counter("nestvec_texts_total", "Texts embedded, by task.", label)
        .add(share.texts);
    service.metrics
        .counter("nestvec_tokens_total",
                 "Tokens embedded, by task, prompts and special tokens included.", label)
        .add(share.tokens);
  }
  service.metrics
      .counter("nestvec_truncated_total", "Texts that were cut because they were too long.")
      .add(rows.truncated.size());
  const auto stage = [&](std::string_view name, double seconds) {
    service.metrics
        .histogram("nestvec_stage_seconds", "Time of a call by stage.", Metrics::seconds(),
                   metric_label("stage", name))
        .observe(seconds);
  };
  stage("tokenize", rows.timing.tokenize);
  stage("queue", rows.timing.queue);
  stage("compute", rows.timing.compute);
}

void count_failed_call(const Service& service, const Error& error) {
  service.metrics
      .counter("nestvec_failed_calls_total", "Calls of the model that ended with an error.",
               metric_label("code", error_code_name(error.code())))
      .add();
}

}  // namespace

Embeddings join_rows(std::vector<Embeddings> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Embeddings whole;
  double first = std::numeric_limits<double>::max();
  double last = 0;
  for (const Embeddings& part : parts) {
    for (const std::uint32_t index : part.truncated) {
      whole.truncated.push_back(static_cast<std::uint32_t>(whole.rows) + index);
    }
    whole.rows += part.rows;
    whole.width = part.width;
    whole.values.insert(whole.values.end(), part.values.begin(), part.values.end());
    whole.tokens.insert(whole.tokens.end(), part.tokens.begin(), part.tokens.end());
    whole.timing.tokenize += part.timing.tokenize;
    first = std::min(first, part.timing.queue);
    last = std::max(last, part.timing.queue + part.timing.compute);
  }
  // The parts run side by side: from the first batch of any of them to the last.
  whole.timing.queue = parts.empty() ? 0 : first;
  whole.timing.compute = parts.empty() ? 0 : last - first;
  return whole;
}

Embeddings taken_by(std::span<const CallRows> calls) {
  std::vector<Embeddings> parts;
  for (const CallRows& call : calls) {
    Embeddings part;
    part.rows = call.rows.rows;
    part.width = call.rows.width;
    part.tokens = call.rows.tokens;
    part.truncated = call.rows.truncated;
    part.timing = call.rows.timing;
    parts.push_back(std::move(part));
  }
  return join_rows(std::move(parts));
}

ModelCall::ModelCall(const Service& service, const Caller& caller, std::vector<EmbedCall> calls,
                     Render render, Done done)
    : service_(service),
      control_(control_of(caller, service.options)),
      calls_(std::move(calls)),
      parts_(parts_of(calls_)),
      render_(std::move(render)),
      done_(std::move(done)) {
  std::size_t bytes = 0;
  for (const EmbedCall& call : calls_) bytes += bytes_at_once(call.texts, true);
  for (EmbedCall& call : calls_) {
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

std::vector<ModelCall::Part> ModelCall::parts_of(const std::vector<EmbedCall>& calls) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const EmbedCall& call = calls[i];
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
  MemoryShare tokens = caller.has_paid ? MemoryShare() : memory_for_tokens(caller, calls);
  const auto call = std::make_shared<ModelCall>(service, caller, std::move(calls),
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

void ModelCall::ask_part(const std::shared_ptr<ModelCall>& self, std::size_t part,
                         const Gathered& gather) {
  const Part& range = self->parts_[part];
  const EmbedCall& call = self->calls_[range.call];
  // Must not throw. The model has its own thread to go on with.
  const auto bring = [self, gather, part](auto result, auto take) {
    try {
      const Part& of = self->parts_[part];
      const EmbedCall& asked = self->calls_[of.call];
      if (!result.ok()) {
        if (self->waits_for_its_own(part, result.error())) return;
        return gather->fail(of_client(asked, of.index, result.error()));
      }
      gather->put(part, take(asked, std::move(result).value()));
      bring_more(self, gather);
    } catch (...) {
      gather->fail(current_error());
    }
  };
  EmbedOptions options = part_options(call.options, part, *gather);
  std::span<const std::string> tasks = call.tasks;
  if (options.late_chunking || call.token_vectors) {
    // A context has one task, and so has a text.
    if (!tasks.empty() && !tasks[range.begin].empty()) options.task = tasks[range.begin];
    tasks = {};
  }
  if (call.token_vectors) {
    self->service_.model.tokenize_and_embed_async(
        call.texts[range.begin], options, [self, bring](Result<TokenEmbeddings> result) {
          bring(std::move(result), [&](const EmbedCall& asked, TokenEmbeddings tokens) {
            self->check_numbers(asked, tokens);
            return PartRows{{}, std::move(tokens)};
          });
        });
    return;
  }
  const std::span texts = std::span(call.texts).subspan(range.begin, range.end - range.begin);
  self->service_.model.predict_async(texts, tasks, options, [bring](Result<Embeddings> result) {
    bring(std::move(result),
          [](const EmbedCall&, Embeddings rows) { return PartRows{std::move(rows), {}}; });
  });
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
  std::vector<CallRows> sorted(calls_.size());
  std::vector<Embeddings> parts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t call = parts_[i].call;
    if (calls_[call].token_vectors) {
      sorted[call].tokens.push_back(std::move(rows[i].tokens));
    } else {
      parts.push_back(std::move(rows[i].rows));
    }
    if (i + 1 < rows.size() && parts_[i + 1].call == call) continue;
    sorted[call].rows = calls_[call].token_vectors ? without_values(sorted[call].tokens)
                                                   : join_rows(std::exchange(parts, {}));
  }
  return sorted;
}

void ModelCall::count(const std::vector<CallRows>& rows) const {
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    if (!calls_[i].texts.empty()) count_texts(service_, calls_[i], rows[i].rows);
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
