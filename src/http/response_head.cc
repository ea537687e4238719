// SPDX-License-Identifier: Apache-2.0
#include "http/response_head.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "nestvec/version.h"

namespace nestvec {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  constexpr auto kLower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(a, b, {}, kLower, kLower);
}

bool is_transport_header(std::string_view name) {
  constexpr std::array<std::string_view, 5> kOwned = {"content-length", "connection", "date",
                                                      "server", "transfer-encoding"};
  return std::ranges::any_of(kOwned,
                             [&](std::string_view owned) { return same_name(name, owned); });
}

void append_header(std::string_view name, std::string_view value, std::string& head) {
  head += name;
  head += ": ";
  // Values may repeat what a client sent, and a line break would begin another header.
  for (const char c : value) head += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  head += "\r\n";
}

struct Reason {
  int status;
  std::string_view phrase;
};

constexpr std::array kReasons = {
    Reason{200, "OK"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{413, "Content Too Large"},
    Reason{415, "Unsupported Media Type"},
    Reason{417, "Expectation Failed"},
    Reason{422, "Unprocessable Content"},
    Reason{424, "Failed Dependency"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{499, "Client Closed Request"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
};

}  // namespace

std::string response_head(const HttpResponse& response, const ResponseFraming& framing) {
  std::string head;
  constexpr std::size_t kUsual = 512;
  head.reserve(kUsual);
  head += framing.http10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  head += std::to_string(response.status);
  head += ' ';
  head += reason_phrase(response.status);
  head += "\r\n";
  append_header("Date", framing.date, head);
  append_header("Server", "nestvec/" + std::string(kVersion), head);
  if (status_has_body(response.status)) {
    append_header("Content-Type", response.content_type, head);
    append_header("Content-Length", std::to_string(response.body.size()), head);
  }
  bool has_id = false;
  for (const auto& [name, value] : response.headers) {
    if (is_transport_header(name)) continue;
    has_id = has_id || same_name(name, "x-request-id");
    append_header(name, value, head);
  }
  if (!has_id && !framing.request_id.empty()) {
    append_header("x-request-id", framing.request_id, head);
  }
  if (framing.close) {
    append_header("Connection", "close", head);
  } else if (framing.http10) {
    append_header("Connection", "keep-alive", head);
  }
  head += "\r\n";
  return head;
}

bool status_has_body(int status) { return status != 204 && status != 304; }

std::string http_date(std::time_t time) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 64> text{};
  // Not strftime: its names follow the locale.
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour,
                utc.tm_min, utc.tm_sec);
  return text.data();
}

std::string_view reason_phrase(int status) {
  const auto* const found = std::ranges::find(kReasons, status, &Reason::status);
  return found == kReasons.end() ? "Unknown" : found->phrase;
}

}  // namespace nestvec
