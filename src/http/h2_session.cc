// SPDX-License-Identifier: Apache-2.0
#include "http/h2_session.h"

#include <algorithm>
#include <array>
#include <new>
#include <string>

#include "http/response_head.h"
#include "nestvec/version.h"

namespace nestvec {
namespace {

struct FreeOption {
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};

std::unique_ptr<nghttp2_option, FreeOption> make_option() {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  constexpr std::size_t kAcks = 100;  // of pings and settings, to a client that does not read
  nghttp2_option_set_max_outbound_ack(option, kAcks);
  nghttp2_option_set_max_continuations(option, H2Limits::kContinuations);
  // Counted by the connection, which tells why it ends.
  constexpr std::uint64_t kManyResets = 1 << 20;
  nghttp2_option_set_stream_reset_rate_limit(option, kManyResets, kManyResets);
  return std::unique_ptr<nghttp2_option, FreeOption>(option);
}

void expect_done(int returned) {
  if (returned != 0) throw std::bad_alloc();  // nothing else can go wrong with these arguments
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// Values may repeat what a client sent.
std::string clean(std::string_view value) {
  std::string result(value);
  for (char& c : result) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  const std::size_t first = result.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return result.substr(first, result.find_last_not_of(" \t") - first + 1);
}

bool is_connection_header(std::string_view name) {
  constexpr std::array<std::string_view, 7> kOwned = {
      "content-length",    "connection", "date",   "server",
      "transfer-encoding", "keep-alive", "upgrade"};
  return std::ranges::find(kOwned, name) != kOwned.end();
}

std::uint8_t* bytes_of(std::string_view text) {
  // nghttp2 copies them.
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

H2SessionPtr make_h2_session(const nghttp2_session_callbacks& callbacks, void* connection) {
  const auto option = make_option();
  nghttp2_session* made = nullptr;
  expect_done(nghttp2_session_server_new2(&made, &callbacks, connection, option.get()));
  H2SessionPtr session(made);
  constexpr std::uint32_t kHeadBytes = H2Limits::kHeadBytes;
  const std::array<nghttp2_settings_entry, 3> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2Limits::kStreams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kHeadBytes},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  expect_done(nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size()));
  expect_done(nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0,
                                                    H2Limits::kConnectionWindow));
  return session;
}

void H2Fields::add(std::string_view name, std::string_view value) {
  fields_.push_back(
      {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
}

void H2Fields::add_all(const Headers& headers) {
  for (const auto& [name, value] : headers) add(name, value);
}

H2AnswerHead::H2AnswerHead(const HttpResponse& response, std::string_view date,
                           std::string_view request_id) {
  text.emplace_back(":status", std::to_string(response.status));
  text.emplace_back("date", date);
  text.emplace_back("server", "nestvec/" + std::string(kVersion));
  if (status_has_body(response.status)) {
    text.emplace_back("content-type", clean(response.content_type));
    text.emplace_back("content-length", std::to_string(response.body.size()));
  }
  bool has_id = false;
  for (const auto& [name, value] : response.headers) {
    std::string lowered = lower(name);
    if (is_connection_header(lowered)) continue;
    has_id = has_id || lowered == "x-request-id";
    text.emplace_back(std::move(lowered), clean(value));
  }
  if (!has_id && !request_id.empty()) text.emplace_back("x-request-id", request_id);
  fields.add_all(text);
}

}  // namespace nestvec
