// SPDX-License-Identifier: Apache-2.0
#include "service/embed_run.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

#include "service/request_memory.h"

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
  // Clients and proxies refuse a header of some kilobytes.
  constexpr std::size_t kMostIndices = 100;
  std::string indices;
  for (const std::uint32_t index :
       std::span(rows.truncated).first(std::min(rows.truncated.size(), kMostIndices))) {
    if (!indices.empty()) indices += ',';
    indices += std::to_string(index);
  }
  response.headers.emplace_back("x-truncated-inputs", std::move(indices));
  response.headers.emplace_back("x-truncated-count", std::to_string(rows.truncated.size()));
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
      render_(std::move(render)) {
  if (!has_contexts()) {
    parts_.push_back({0, call_.texts.size()});
    return;
  }
  for (const std::size_t texts : call_.documents) {
    const std::size_t begin = parts_.empty() ? 0 : parts_.back().end;
    parts_.push_back({begin, begin + texts});
  }
}

void EmbedRun::start() {
  const auto gather = std::make_shared<Gather<Embeddings>>(
      parts_.size(), exchange_.service.post, exchange_.request->stop,
      [self = shared_from_this()](Result<Rows> result) { self->finish(std::move(result)); });
  end_at_deadline(exchange_.service.after, call_.options.deadline, gather);
  for (std::size_t part = 0; part < parts_.size() && !gather->ended(); ++part) {
    start_part(part, gather);
  }
}

void EmbedRun::start_part(std::size_t part,
                          const std::shared_ptr<Gather<Embeddings>>& gather) const {
  const Part& range = parts_[part];
  EmbedOptions options = part_options(call_.options, part, *gather);
  std::span<const std::string> tasks = call_.tasks;
  if (options.late_chunking) {
    // A context has one task.
    if (!tasks.empty() && !tasks[range.begin].empty()) options.task = tasks[range.begin];
    tasks = {};
  }
  const std::span texts = std::span(call_.texts).subspan(range.begin, range.end - range.begin);
  exchange_.service.model.predict_async(
      texts, tasks, options, [gather, part, contexts = has_contexts()](Result<Embeddings> rows) {
        if (contexts && !rows.ok()) return gather->put(part, of_text(part, rows.error()));
        gather->put(part, std::move(rows));
      });
}

void EmbedRun::finish(Result<Rows> result) const {
  exchange_.attempt([&] {
    if (!result.ok()) count_failed_call(exchange_.service, result.error());
    exchange_.answer_later(
        [self = shared_from_this(), shared = std::make_shared<Result<Rows>>(std::move(result))] {
          if (!shared->ok()) self->tell(shared->error());
          return self->answer(std::move(*shared).value());
        });
  });
}

HttpResponse EmbedRun::answer(Rows parts) const {
  const Embeddings rows = join_rows(std::move(parts));
  Pace pace(RunControl{call_.options.stop, call_.options.deadline});
  auto memory = memory_for_numbers(exchange_.service.memory, rows.values.size());
  HttpResponse response = render_(rows, pace);
  response.memory = std::move(memory);
  add_call_headers(*exchange_.request, rows, response);
  count_texts(exchange_.service, call_, rows);
  return response;
}

void EmbedRun::tell(const Error& error) const {
  ErrorDetail detail = error.detail();
  if (!detail.text || error.code() != ErrorCode::kInvalidArgument) throw Error(error);
  std::string message = error.what();
  if (!call_.documents.empty()) {
    if (!call_.options.late_chunking) detail.text = document_of(*detail.text);
    message = param_ + "[" + std::to_string(*detail.text) + "]: " + message;
  }
  throw RequestError(error.code(), message, param_ + "[" + std::to_string(*detail.text) + "]",
                     Fault::kNone, detail);
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
