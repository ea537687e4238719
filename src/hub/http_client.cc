// SPDX-License-Identifier: Apache-2.0
#include "hub/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <exception>
#include <filesystem>
#include <string_view>

#include "base/trim.h"
#include "hub/certificates.h"
#include "hub/url.h"
#include "nestvec/version.h"

namespace nestvec {
namespace {

constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxHeaderText = 200;

// libcurl's own start and end, once a process.
struct CurlLibrary {
  CurlLibrary() { result = curl_global_init(CURL_GLOBAL_DEFAULT); }
  CURLcode result;
};

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxHeaderText)) {
    out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  }
  return out;
}

// A hub may quote the token that it refuses; it must not reach a log.
std::string without(const std::string& token, std::string text) {
  if (token.empty()) return text;
  for (std::size_t at = text.find(token); at != std::string::npos; at = text.find(token)) {
    text.replace(at, token.size(), "...");
  }
  return text;
}

std::string_view bare_etag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return text;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const std::from_chars_result result =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes 100-199/200"
std::optional<std::uint64_t> parse_range_start(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const std::size_t dash = text.find('-');
  if (!text.starts_with(kUnit) || dash == std::string_view::npos) return std::nullopt;
  return parse_size(text.substr(kUnit.size(), dash - kUnit.size()));
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_permanent(CURLcode code) {
  static constexpr std::array kPermanent = {
      CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,       CURLE_PEER_FAILED_VERIFICATION,
      CURLE_SSL_CACERT_BADFILE,   CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CIPHER,           CURLE_TOO_MANY_REDIRECTS,  CURLE_OUT_OF_MEMORY,
      CURLE_SSL_ISSUER_ERROR,     CURLE_LOGIN_DENIED};
  return std::find(kPermanent.begin(), kPermanent.end(), code) != kPermanent.end();
}

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  if (curl_easy_setopt(handle, option, value) != CURLE_OK) {
    throw Error(ErrorCode::kInternal, "libcurl refuses an option that is needed");
  }
}

}  // namespace

struct HttpClient::Handle {
  struct FreeCurl {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  std::unique_ptr<CURL, FreeCurl> curl;
  std::unique_ptr<curl_slist, FreeList> authorization;
  std::array<char, CURL_ERROR_SIZE> message{};
};

// One hop of a request: what curl's callbacks need.
class HttpClient::Transfer {
 public:
  Transfer(const HttpSink& sink, const HttpOptions& options, HubResponse& response, bool trusted)
      : sink_(sink), options_(options), response_(response), trusted_(trusted) {}

  void attach(CURL* curl) {
    set(curl, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(curl, CURLOPT_HEADERDATA, this);
    set(curl, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(curl, CURLOPT_WRITEDATA, this);
    set(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(curl, CURLOPT_XFERINFODATA, this);
    set(curl, CURLOPT_NOPROGRESS, 0L);
  }

  // After the transfer: tells an answer without a body to the sink, passes the sink's exception on.
  void finish(bool complete) {
    if (!exception_ && complete && is_success()) guard([&] { begin_once(); });
    if (exception_) std::rethrow_exception(exception_);
    if (options_.stop.stop_requested())
      throw Error(ErrorCode::kCancelled, "the download was stopped");
  }

 private:
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    static_cast<Transfer*>(self)->read_header(std::string_view(data, size));
    return size;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    if (!transfer->is_success()) return size;
    bool taken = false;
    transfer->guard([&] {
      transfer->begin_once();
      taken = transfer->sink_.write(std::as_bytes(std::span(data, size)));
      transfer->response_.refused = !taken;
    });
    return taken ? size : CURL_WRITEFUNC_ERROR;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->options_.stop.stop_requested() ? 1 : 0;
  }

  // No exception may cross libcurl's C frames: it is kept and rethrown in finish().
  template <typename Function>
  void guard(Function function) {
    try {
      function();
    } catch (...) {
      exception_ = std::current_exception();
    }
  }

  bool is_success() const { return response_.status >= 200 && response_.status < 300; }

  void begin_once() {
    if (!begun_) sink_.begin(response_);
    begun_ = true;
  }

  void read_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {
      const std::size_t space = std::min(line.find(' '), line.size());
      response_.status = 0;
      for (const char c : trim(line.substr(space)).substr(0, 3)) {
        if (c >= '0' && c <= '9') response_.status = response_.status * 10 + (c - '0');
      }
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    take_header(name, trim(line.substr(colon + 1)));
  }

  void take_header(const std::string& name, std::string_view value) {
    if (name == "x-linked-etag" && trusted_) response_.linked_etag = printable(bare_etag(value));
    if (name == "x-linked-size" && trusted_) response_.linked_size = parse_size(value);
    if (name == "x-error-code") response_.error_code = printable(value);
    if (name == "x-error-message") {
      response_.error_message = printable(without(options_.token, std::string(value)));
    }
    if (name == "retry-after") response_.retry_after = printable(value);
    if (name == "etag") response_.etag = printable(bare_etag(value));
    if (name == "content-length") response_.size = parse_size(value);
    if (name == "content-range") {
      const std::optional<std::uint64_t> start = parse_range_start(value);
      response_.has_range = start.has_value();
      response_.range_start = start.value_or(0);
    }
  }

  const HttpSink& sink_;
  const HttpOptions& options_;
  HubResponse& response_;
  bool trusted_;
  bool begun_ = false;
  std::exception_ptr exception_;
};

HttpClient::HttpClient(HttpOptions options)
    : options_(std::move(options)), handle_(std::make_unique<Handle>()) {
  static const CurlLibrary kLibrary;
  handle_->curl.reset(kLibrary.result == CURLE_OK ? curl_easy_init() : nullptr);
  if (!handle_->curl) throw Error(ErrorCode::kInternal, "libcurl cannot be started");
  const bool clean = std::all_of(options_.token.begin(), options_.token.end(),
                                 [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean) {
    throw Error(ErrorCode::kInvalidArgument,
                "the hub token (HF_TOKEN or the token file) holds a space or an unprintable "
                "character; expected one word such as hf_...");
  }
  if (!options_.token.empty()) {
    const std::string header = "Authorization: Bearer " + options_.token;
    handle_->authorization.reset(curl_slist_append(nullptr, header.c_str()));
  }
  CURL* const curl = handle_->curl.get();
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  set(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
  set(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_timeout.count()));
  set(curl, CURLOPT_BUFFERSIZE, 256L * 1024);
  set(curl, CURLOPT_USERAGENT, (std::string("nestvec/") + kVersion).c_str());
  set(curl, CURLOPT_ERRORBUFFER, handle_->message.data());
  if (options_.ca_file.empty()) options_.ca_file = system_certificates();
  if (!options_.ca_file.empty()) {
    const bool is_folder = std::filesystem::is_directory(options_.ca_file);
    set(curl, is_folder ? CURLOPT_CAPATH : CURLOPT_CAINFO, options_.ca_file.c_str());
  }
  set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_timeout.count()));
  if (options_.direct) set(curl, CURLOPT_PROXY, "");
  if (!options_.unix_socket.empty()) {
    set(curl, CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
  }
  if (!options_.verify) {
    set(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    set(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

std::string HttpClient::perform(const std::string& url, const HubRequest& request,
                                const HttpSink& sink, HubResponse& response) {
  CURL* const curl = handle_->curl.get();
  const bool trusted = url_origin(url) == options_.token_origin;
  response.host = url_host(url);
  Transfer transfer(sink, options_, response, trusted);
  transfer.attach(curl);
  set(curl, CURLOPT_URL, url.c_str());
  set(curl, CURLOPT_NOBODY, request.head_only ? 1L : 0L);
  if (!request.head_only) set(curl, CURLOPT_HTTPGET, 1L);
  set(curl, CURLOPT_HTTPHEADER, trusted ? handle_->authorization.get() : nullptr);
  const std::string range = std::to_string(request.range_start) + "-";
  set(curl, CURLOPT_RANGE, request.range_start > 0 ? range.c_str() : nullptr);
  handle_->message[0] = '\0';
  const CURLcode code = curl_easy_perform(curl);
  transfer.finish(code == CURLE_OK);
  if (code != CURLE_OK) {
    const char* const message = handle_->message.data();
    response.failure = printable(*message != '\0' ? message : curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION && options_.ca_file.empty()) {
      response.failure +=
          "; this machine has no certificates to check it with: install "
          "ca-certificates, or name a file of them in SSL_CERT_FILE";
    }
    response.can_retry = !is_permanent(code);
    return {};
  }
  char* location = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
  return is_redirect(response.status) && location != nullptr ? location : "";
}

HubResponse HttpClient::fetch(const HubRequest& request, const HttpSink& sink) {
  std::string url = request.url;
  HubResponse response;
  for (int hop = 0;; ++hop) {
    // What the hub itself said of the file outlives the redirect to where its bytes are.
    HubResponse next;
    next.linked_etag = response.linked_etag;
    next.linked_size = response.linked_size;
    response = std::move(next);
    const std::string location = perform(url, request, sink, response);
    if (location.empty() || options_.direct) break;
    const bool downgraded = url.starts_with("https:") && !location.starts_with("https:");
    if (hop == kMaxRedirects || downgraded || url_origin(location).empty()) {
      response.failure = downgraded ? "redirected from https to an address that is not encrypted"
                                    : "redirected too often or to no http address";
      response.can_retry = false;
      break;
    }
    url = location;
  }
  if (!response.linked_etag.empty()) response.etag = response.linked_etag;
  if (response.linked_size) response.size = response.linked_size;
  return response;
}

}  // namespace nestvec
