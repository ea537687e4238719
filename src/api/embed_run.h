// SPDX-License-Identifier: Apache-2.0
// One embedding request from the queue to its answer.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/embed_call.h"

namespace nestvec {

// Ends a run early, and says why. Outlives the run where a timer still holds it.
struct RunStop {
  std::stop_source source;
  std::atomic<bool> timed_out{false};
};

// Calls the model once, or once a document where these are contexts of late chunking; answers when
// all are done or one has failed. Lives as long as something of it is under way.
class EmbedRun : public std::enable_shared_from_this<EmbedRun> {
 public:
  EmbedRun(Exchange exchange, EmbedCall call, std::string param, RenderRows render);

  // Queues the calls. Does not block. Answers whatever happens.
  void start();

 private:
  // Texts of one call of the model.
  struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::optional<Embeddings> rows;
  };

  void start_timer();
  void start_part(std::size_t part);
  void part_done(std::size_t part, Result<Embeddings> result);
  bool has_failed() const;
  void answer();
  void answer_error(const Error& error);
  // Tells it as the client knows the request: its time, its inputs.
  void answer_failure(const Error& error);
  std::size_t document_of(std::size_t text) const;

  const Exchange exchange_;
  EmbedCall call_;
  const std::string param_;
  const RenderRows render_;
  const std::shared_ptr<RunStop> stop_;

  std::vector<Part> parts_;
  std::atomic<std::size_t> remaining_{0};
  mutable std::mutex mutex_;  // guards error_ and failed_part_
  std::optional<Error> error_;
  std::size_t failed_part_ = 0;

  // Last, so that nobody stops a run that is half gone.
  std::optional<std::stop_callback<std::function<void()>>> client_gone_;
};

// Adds what every answer tells: x-nestvec-tokens, -tokenize-ms, -queue-ms, -compute-ms, -total-ms
// and, where texts were cut, x-truncated-inputs.
void add_call_headers(const HttpRequest& request, const Embeddings& rows, HttpResponse& response);

// Rows of several calls as if they came from one.
Embeddings join_rows(std::vector<Embeddings> parts);

}  // namespace nestvec
