// SPDX-License-Identifier: Apache-2.0
// One embedding request from the queue to its answer.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "service/embed_call.h"
#include "service/gather.h"

namespace nestvec {

// Calls the model once, or once a document where these are contexts of late chunking; answers when
// all are done or one has failed. Lives until then.
class EmbedRun : public std::enable_shared_from_this<EmbedRun> {
 public:
  EmbedRun(Exchange exchange, EmbedCall call, std::string param, RenderRows render);

  // Queues the calls. Does not block. Answers whatever happens. Once.
  void start();

 private:
  // Texts of one call of the model.
  struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  using Rows = std::vector<Embeddings>;  // one a part

  bool has_contexts() const { return call_.options.late_chunking && !call_.documents.empty(); }
  void start_part(std::size_t part, const std::shared_ptr<Gather<Embeddings>>& gather) const;
  void finish(Result<Rows> result) const;
  HttpResponse answer(Rows parts) const;
  // Throws the error as the client knows the request: by its inputs.
  [[noreturn]] void tell(const Error& error) const;
  std::size_t document_of(std::size_t text) const;

  const Exchange exchange_;
  const EmbedCall call_;
  const std::string param_;
  const RenderRows render_;
  std::vector<Part> parts_;
};

// Adds what every answer tells: x-nestvec-tokens, -tokenize-ms, -queue-ms, -compute-ms, -total-ms
// and, where texts were cut, x-truncated-inputs (the first 100 indices) and x-truncated-count.
void add_call_headers(const HttpRequest& request, const Embeddings& rows, HttpResponse& response);

// Rows of several calls as if they came from one.
Embeddings join_rows(std::vector<Embeddings> parts);

}  // namespace nestvec
