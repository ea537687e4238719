// SPDX-License-Identifier: Apache-2.0
#include "http/http_reply.h"

#include <exception>
#include <string_view>
#include <utility>

#include "http/http_fault.h"
#include "http/io_loop.h"

namespace nestvec {
namespace {

// Pages, metrics, the API's description: they shrink to a fifth or less.
bool is_worth_compressing(const HttpResponse& response) {
  constexpr std::size_t kLeast = std::size_t{8} << 10;
  const std::string_view type = response.content_type;
  return response.body.size() > kLeast && response.status == 200 &&
         (type.starts_with("text/") || type.starts_with("application/json") ||
          type.starts_with("application/javascript") || type.starts_with("image/svg"));
}

void compress(HttpResponse& response, ContentCoding coding) {
  try {
    response.body = encode_content(coding, response.body);
  } catch (const std::exception&) {
    return;  // it goes as it is
  }
  response.headers.emplace_back("Content-Encoding", coding_name(coding));
  response.headers.emplace_back("Vary", "Accept-Encoding");
}

}  // namespace

HttpReply::HttpReply(std::shared_ptr<IoLoop> loop, const std::shared_ptr<ReplyTarget>& connection,
                     std::uint64_t exchange, ContentCoding coding,
                     std::shared_ptr<const void> alive)
    : loop_(std::move(loop)),
      connection_(connection),
      lost_(connection->lost_exchange()),
      exchange_(exchange),
      coding_(coding),
      alive_(std::move(alive)) {}

HttpReply::~HttpReply() {
  if (sent_) return;
  try {
    send(fault_response({500, "the request was given up without an answer"}));
  } catch (const std::exception&) {
    send(no_memory_answer());
  }
}

void HttpReply::send(HttpResponse response) noexcept {
  if (sent_.exchange(true)) return;
  try {
    if (coding_ != ContentCoding::kNone && is_worth_compressing(response)) {
      compress(response, coding_);
    }
    loop_->post([connection = connection_, exchange = exchange_,
                 answer = std::make_shared<HttpResponse>(std::move(response))] {
      if (const auto alive = connection.lock()) alive->answer(exchange, std::move(*answer));
    });
  } catch (const std::exception&) {
    *lost_ = exchange_;
  }
}

}  // namespace nestvec
