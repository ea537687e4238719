// SPDX-License-Identifier: Apache-2.0
#include "http/request_parser.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/body_memory.h"
#include "http/request_target.h"

namespace nestvec {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::iequals;
using boost::beast::string_view;

std::string_view view(string_view text) { return {text.data(), text.size()}; }

std::string lower(string_view text) {
  std::string result(text.data(), text.size());
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// In words that stay the same whatever Beast calls it.
std::string_view what_is_wrong(const error_code& ec) {
  using http::error;
  static constexpr std::array<std::pair<error, std::string_view>, 10> kFaults = {{
      {error::bad_line_ending, "a line does not end in CR and LF"},
      {error::bad_method, "the method is not a word"},
      {error::bad_target, "the target of the request line cannot be read"},
      {error::bad_field, "the name of a header has characters that names may not have"},
      {error::bad_value, "the value of a header has characters that values may not have"},
      {error::bad_obs_fold, "a header continues on the next line"},
      {error::bad_content_length, "Content-Length is not one length, or stands beside chunks"},
      {error::bad_transfer_encoding, "Transfer-Encoding cannot be read, or stands beside a length"},
      {error::bad_chunk, "the length of a chunk cannot be read"},
      {error::bad_chunk_extension, "an extension of a chunk cannot be read"},
  }};
  for (const auto& [fault, words] : kFaults) {
    if (ec == fault) return words;
  }
  return "it cannot be read";
}

}  // namespace

class RequestParser::Impl final : public http::basic_parser<true> {
 public:
  explicit Impl(const Limits& limits) : limits_(limits) {
    header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    body_limit(limits.body_bytes);
    eager(false);  // up to the end of the head
  }

  std::size_t feed(std::string_view bytes);
  State state() const noexcept;
  const HttpFault& fault() const { return *fault_; }

  bool reserve_body();
  HttpRequest take_request();

  bool expects_continue = false;
  bool http10 = false;
  bool head_method = false;
  bool drops_body = false;
  bool out_of_memory = false;
  std::uint64_t body_bytes = 0;
  std::size_t head_bytes = 0;
  HttpRequest request;
  BodyMemory memory;  // of its body

 private:
  void on_request_impl(http::verb verb, string_view method, string_view target, int version,
                       error_code& ec) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(http::field name, string_view name_text, string_view value,
                     error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t remain, string_view body, error_code& ec) override;
  void on_finish_impl(error_code&) override {}

  void fail(int status, std::string message, error_code& ec);
  void count_head(std::size_t bytes, error_code& ec);
  HttpFault fault_of(const error_code& ec) const;

  Limits limits_;
  std::optional<HttpFault> fault_;
  std::size_t hosts_ = 0;
};

std::size_t RequestParser::Impl::feed(std::string_view bytes) {
  std::size_t used = 0;
  // Some clients end a body with a line break that belongs to nothing.
  while (!got_some() && used < bytes.size() && (bytes[used] == '\r' || bytes[used] == '\n')) ++used;
  if (used == bytes.size()) return used;
  error_code ec;
  used += put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
  if (is_header_done()) eager(true);
  if (ec == http::error::need_more) {
    // What is left is part of a head, a chunk's head or a trailer, and Beast limits only the first.
    if (bytes.size() - used > limits_.head_bytes) fail(431, "the head of a chunk is too long", ec);
  } else if (ec && !fault_) {
    fault_ = fault_of(ec);
  }
  return used;
}

RequestParser::State RequestParser::Impl::state() const noexcept {
  if (fault_) return State::kFailed;
  if (is_done()) return State::kDone;
  if (is_header_done()) return State::kBody;
  return got_some() ? State::kHead : State::kStart;
}

void RequestParser::Impl::fail(int status, std::string message, error_code& ec) {
  if (!fault_) fault_ = HttpFault{status, std::move(message)};
  ec = http::error::bad_value;
}

void RequestParser::Impl::count_head(std::size_t bytes, error_code& ec) {
  head_bytes += bytes;
  if (head_bytes > limits_.head_bytes) ec = http::error::header_limit;
}

HttpFault RequestParser::Impl::fault_of(const error_code& ec) const {
  if (ec == http::error::header_limit) {
    return {431, "the head is longer than " + std::to_string(limits_.head_bytes) + " bytes"};
  }
  if (ec == http::error::body_limit) {
    return {413, "the body is longer than " + std::to_string(limits_.body_bytes) +
                     " bytes (server.max_body)"};
  }
  if (ec == http::error::bad_version) {
    return {505, "the request line does not end in HTTP/1.0 or HTTP/1.1"};
  }
  return {400, "this is not an HTTP/1 request: " + std::string(what_is_wrong(ec))};
}

void RequestParser::Impl::on_request_impl(http::verb verb, string_view method, string_view target,
                                          int version, error_code& ec) {
  constexpr std::size_t kMaxMethod = 32;
  head_method = verb == http::verb::head;
  http10 = version == 10;
  if (method.size() > kMaxMethod) return fail(501, "no such method", ec);
  request.method = head_method ? "GET" : view(method);
  HttpFault fault;
  std::optional<RequestTarget> parsed = parse_request_target(view(target), fault);
  if (!parsed) return fail(fault.status, std::move(fault.message), ec);
  request.path = std::move(parsed->path);
  request.query = std::move(parsed->query);
  count_head(method.size() + target.size(), ec);
}

void RequestParser::Impl::on_field_impl(http::field name, string_view name_text, string_view value,
                                        error_code& ec) {
  if (is_header_done()) return;  // a trailer: nothing here needs one
  constexpr std::size_t kPunctuation = 4;
  count_head(name_text.size() + value.size() + kPunctuation, ec);
  if (ec) return;
  if (request.headers.size() == limits_.headers) {
    return fail(431, "more than " + std::to_string(limits_.headers) + " headers", ec);
  }
  if (name == http::field::host) ++hosts_;
  if (name == http::field::transfer_encoding && !iequals(value, "chunked")) {
    return fail(501, "Transfer-Encoding: expected chunked or none", ec);
  }
  // A proxy that speaks HTTP/1.0 would see the end of the request elsewhere.
  if (name == http::field::transfer_encoding && http10) {
    return fail(400, "HTTP/1.0 has no Transfer-Encoding; send a Content-Length", ec);
  }
  if (name == http::field::expect) {
    if (!iequals(value, "100-continue")) return fail(417, "Expect: expected 100-continue", ec);
    expects_continue = true;
  }
  request.headers.emplace_back(lower(name_text), view(value));
}

void RequestParser::Impl::on_header_impl(error_code& ec) {
  if (hosts_ > 1 || (hosts_ == 0 && !http10)) {
    fail(400, "expected one Host header, found " + std::to_string(hosts_), ec);
  }
}

std::size_t RequestParser::Impl::on_body_impl(string_view body, error_code& ec) {
  body_bytes += body.size();
  if (drops_body) return body.size();
  if (!memory.make_room(request.body, body.size())) {
    out_of_memory = true;
    fail(503, "there is no memory for this request now", ec);
    return 0;
  }
  request.body.append(body.data(), body.size());
  return body.size();
}

bool RequestParser::Impl::reserve_body() {
  return memory.reserve(request.body, static_cast<std::size_t>(content_length().value_or(0)));
}

HttpRequest RequestParser::Impl::take_request() {
  request.memory = std::make_shared<MemoryShare>(memory.take());
  return std::move(request);
}

std::size_t RequestParser::Impl::on_chunk_body_impl(std::uint64_t, string_view body,
                                                    error_code& ec) {
  return on_body_impl(body, ec);
}

RequestParser::RequestParser(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(std::string_view bytes) { return impl_->feed(bytes); }
RequestParser::State RequestParser::state() const noexcept { return impl_->state(); }
const HttpFault& RequestParser::fault() const { return impl_->fault(); }
bool RequestParser::expects_continue() const noexcept {
  return impl_->expects_continue && !impl_->http10;
}
bool RequestParser::keep_alive() const noexcept { return impl_->keep_alive(); }
bool RequestParser::is_http10() const noexcept { return impl_->http10; }
bool RequestParser::is_head() const noexcept { return impl_->head_method; }
std::uint64_t RequestParser::body_bytes() const noexcept { return impl_->body_bytes; }
std::size_t RequestParser::held_bytes() const noexcept { return impl_->request.body.capacity(); }
std::size_t RequestParser::head_bytes() const noexcept { return impl_->head_bytes; }
HttpRequest& RequestParser::request() { return impl_->request; }
std::optional<std::uint64_t> RequestParser::promised_bytes() const {
  const auto length = impl_->content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}
void RequestParser::charge_to(std::shared_ptr<MemoryAccount> memory) {
  impl_->memory = BodyMemory(std::move(memory));
}
bool RequestParser::reserve_body() { return impl_->reserve_body(); }
void RequestParser::drop_body() { impl_->drops_body = true; }
bool RequestParser::out_of_memory() const noexcept { return impl_->out_of_memory; }
HttpRequest RequestParser::take_request() { return impl_->take_request(); }

}  // namespace nestvec
