// SPDX-License-Identifier: Apache-2.0
// The status line and headers of an answer.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "service/http_message.h"

namespace nestvec {

// What the connection knows and the answer does not.
struct ResponseFraming {
  bool http10 = false;
  bool close = false;           // the last answer of its connection
  std::string_view date;        // http_date() of now
  std::string_view request_id;  // unless the answer has an x-request-id of its own
};

// From "HTTP/1.1 200 OK" to the empty line. Line breaks inside header values become spaces; headers
// that the transport owns (Content-Length, Connection, Date, Server, Transfer-Encoding) are taken
// from it alone. Safe for concurrent use, as is all of this file.
std::string response_head(const HttpResponse& response, const ResponseFraming& framing);

// Whether an answer of this status has a body at all (not 204 and 304).
bool status_has_body(int status);

// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::time_t time);

// "OK" of 200; "Unknown" of a status without a name.
std::string_view reason_phrase(int status);

}  // namespace nestvec
