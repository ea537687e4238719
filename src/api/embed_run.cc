// SPDX-License-Identifier: Apache-2.0
#include "api/embed_run.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <limits>
#include <new>

namespace nestvec {
namespace {

std::string milliseconds(double seconds) {
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), seconds * 1e3,
                                    std::chars_format::fixed, 3);
  return {buffer.data(), result.ptr};
}

}  // namespace

void add_call_headers(const HttpRequest& request, const Embeddings& rows, HttpResponse& response) {
  std::uint64_t tokens = 0;
  for (const std::uint32_t count : rows.tokens) tokens += count;
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - request.received;
  response.headers.emplace_back("x-nestvec-tokens", std::to_string(tokens));
  response.headers.emplace_back("x-nestvec-tokenize-ms", milliseconds(rows.timing.tokenize));
  response.headers.emplace_back("x-nestvec-queue-ms", milliseconds(rows.timing.queue));
  response.headers.emplace_back("x-nestvec-compute-ms", milliseconds(rows.timing.compute));
  response.headers.emplace_back("x-nestvec-total-ms", milliseconds(total.count()));
  if (rows.truncated.empty()) return;
  std::string indices;
  for (const std::uint32_t index : rows.truncated) {
    if (!indices.empty()) indices += ',';
    indices += std::to_string(index);
  }
  response.headers.emplace_back("x-truncated-inputs", std::move(indices));
}

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

EmbedRun::EmbedRun(Exchange exchange, EmbedCall call, std::string param, RenderRows render)
    : exchange_(std::move(exchange)),
      call_(std::move(call)),
      param_(std::move(param)),
      render_(std::move(render)),
      stop_(std::make_shared<RunStop>()) {
  if (call_.options.late_chunking && !call_.documents.empty()) {
    std::size_t begin = 0;
    for (const std::size_t texts : call_.documents) {
      parts_.push_back({begin, begin + texts, std::nullopt});
      begin += texts;
    }
  } else {
    parts_.push_back({0, call_.texts.size(), std::nullopt});
  }
}

void EmbedRun::start() {
  client_gone_.emplace(exchange_.request->stop,
                       std::function<void()>([stop = stop_] { stop->source.request_stop(); }));
  call_.options.stop = stop_->source.get_token();
  start_timer();
  remaining_ = parts_.size();
  for (std::size_t part = 0; part < parts_.size(); ++part) start_part(part);
}

void EmbedRun::start_timer() {
  const Timer& after = exchange_.service.after;
  if (!call_.options.deadline || !after) return;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*call_.options.deadline -
                                                                 std::chrono::steady_clock::now());
  after(std::max(left, std::chrono::milliseconds(0)), [stop = std::weak_ptr<RunStop>(stop_)] {
    if (const auto alive = stop.lock()) {
      alive->timed_out = true;
      alive->source.request_stop();
    }
  });
}

void EmbedRun::start_part(std::size_t part) {
  const Part& range = parts_[part];
  EmbedOptions options = call_.options;
  std::span<const std::string> tasks = call_.tasks;
  if (options.late_chunking) {
    // A context has one task.
    if (!tasks.empty() && !tasks[range.begin].empty()) options.task = tasks[range.begin];
    tasks = {};
  }
  // The queue takes a request as a whole: what it let in may queue the rest of its parts.
  if (part > 0) options.queue.max_tokens = 0;
  if (part > 0) options.queue.max_seconds = 0;
  const auto done = [self = shared_from_this(), part](Result<Embeddings> result) {
    self->part_done(part, std::move(result));
  };
  if (part > 0 && has_failed()) {
    done(Error(ErrorCode::kCancelled, "another document of the request has failed"));
    return;
  }
  exchange_.service.model.predict_async(
      std::span(call_.texts).subspan(range.begin, range.end - range.begin), tasks, options, done);
}

void EmbedRun::part_done(std::size_t part, Result<Embeddings> result) {
  if (result.ok()) {
    parts_[part].rows = std::move(result).value();
  } else {
    const std::lock_guard lock(mutex_);
    if (!error_) {
      error_.emplace(result.error());
      failed_part_ = part;
    }
    // The others are not needed. Elsewhere, because this may be the model's own thread.
    if (parts_.size() > 1) {
      exchange_.service.post([stop = stop_] { stop->source.request_stop(); });
    }
  }
  if (remaining_.fetch_sub(1) == 1) {
    exchange_.service.post([self = shared_from_this()] { self->answer(); });
  }
}

bool EmbedRun::has_failed() const {
  const std::lock_guard lock(mutex_);
  return error_.has_value();
}

void EmbedRun::answer() {
  try {
    client_gone_.reset();  // here no lock is held that its callback might wait for
    if (error_) {
      answer_failure(*error_);
      return;
    }
    std::vector<Embeddings> parts;
    for (Part& part : parts_) parts.push_back(std::move(*part.rows));
    const Embeddings rows = join_rows(std::move(parts));
    HttpResponse response = render_(rows);
    add_call_headers(*exchange_.request, rows, response);
    count_texts(exchange_.service, call_, rows);
    exchange_.respond(std::move(response));
  } catch (const Error& error) {
    answer_error(error);
  } catch (const std::bad_alloc&) {
    answer_error(Error(ErrorCode::kUnavailable, "no memory for this answer; send less at once"));
  } catch (const std::exception&) {
    // Its text may hold anything, so it stays here.
    answer_error(Error(ErrorCode::kInternal, "an internal error; the request was not answered"));
  }
}

void EmbedRun::answer_error(const Error& error) {
  exchange_.service.metrics
      .counter("nestvec_failed_calls_total", "Calls of the model that ended with an error.",
               metric_label("code", error_code_name(error.code())))
      .add();
  exchange_.fail(error);
}

void EmbedRun::answer_failure(const Error& error) {
  if (error.code() == ErrorCode::kCancelled && stop_->timed_out) {
    answer_error(Error(ErrorCode::kDeadlineExceeded,
                       "the request was not done within its time; ask for less, or allow more"));
    return;
  }
  ErrorDetail detail = error.detail();
  if (call_.options.late_chunking && !call_.documents.empty()) detail.text = failed_part_;
  if (!detail.text || error.code() != ErrorCode::kInvalidArgument) {
    answer_error(error);
    return;
  }
  std::string message = error.what();
  if (!call_.documents.empty()) {
    if (!call_.options.late_chunking) detail.text = document_of(*detail.text);
    message = param_ + "[" + std::to_string(*detail.text) + "]: " + message;
  }
  answer_error(RequestError(error.code(), message,
                            param_ + "[" + std::to_string(*detail.text) + "]", Fault::kNone,
                            detail));
}

// The document that a text is a chunk of.
std::size_t EmbedRun::document_of(std::size_t text) const {
  std::size_t document = 0;
  while (document + 1 < call_.documents.size() && text >= call_.documents[document]) {
    text -= call_.documents[document];
    ++document;
  }
  return document;
}

}  // namespace nestvec
