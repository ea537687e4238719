// SPDX-License-Identifier: Apache-2.0
#include "hub/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "nestvec/error.h"

namespace nestvec {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

class ParsedUrl {
 public:
  explicit ParsedUrl(const std::string& text) : url_(curl_url()) {
    valid_ = url_ && text.find('\0') == std::string::npos &&
             curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  }

  bool valid() const { return valid_; }
  // A part, empty where it is not there.
  std::string part(CURLUPart which, unsigned int flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), which, &text, flags) != CURLUE_OK) return {};
    std::string copy(text);
    curl_free(text);
    return copy;
  }

 private:
  std::unique_ptr<CURLU, FreeUrl> url_;
  bool valid_ = false;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Everything but RFC 3986's unreserved characters as %XX; `kept` stays as well.
std::string percent_encode(std::string_view text, std::string_view kept) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (byte < 0x80 && std::isalnum(byte) != 0) ||
                            std::string_view("-._~").find(c) != std::string_view::npos;
    if (unreserved || kept.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace

std::string normalize_endpoint(const std::string& endpoint) {
  const auto refuse = [&](const char* why) {
    return Error(ErrorCode::kInvalidArgument,
                 std::string("the hub's address (--endpoint or HF_ENDPOINT) ") + why +
                     "; expected one like https://hub.example.org");
  };
  const ParsedUrl url(endpoint);
  const std::string scheme = url.valid() ? url.part(CURLUPART_SCHEME) : std::string();
  if (scheme != "http" && scheme != "https") throw refuse("is not an http or https address");
  if (!url.part(CURLUPART_USER).empty() || !url.part(CURLUPART_PASSWORD).empty()) {
    throw refuse("holds a user or a password; give a token in HF_TOKEN instead");
  }
  if (endpoint.find_first_of("?# ") != std::string::npos) {
    throw refuse("holds a query, a fragment or a space");
  }
  std::string normalized = endpoint;
  while (normalized.ends_with('/')) normalized.pop_back();
  return normalized;
}

std::string repo_info_url(const std::string& endpoint, const std::string& repo,
                          const std::string& revision) {
  return endpoint + "/api/models/" + percent_encode(repo, "/") + "/revision/" +
         percent_encode(revision, "") + "?blobs=true";
}

std::string file_url(const std::string& endpoint, const std::string& repo,
                     const std::string& commit, const std::string& path) {
  return endpoint + "/" + percent_encode(repo, "/") + "/resolve/" + percent_encode(commit, "") +
         "/" + percent_encode(path, "/");
}

std::string url_origin(const std::string& text) {
  const ParsedUrl url(text);
  if (!url.valid()) return {};
  const std::string scheme = lower(url.part(CURLUPART_SCHEME));
  if (scheme != "http" && scheme != "https") return {};
  return scheme + "://" + lower(url.part(CURLUPART_HOST)) + ":" +
         url.part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string url_host(const std::string& text) {
  const ParsedUrl url(text);
  if (!url.valid()) return "an invalid address";
  const std::string port = url.part(CURLUPART_PORT);
  return url.part(CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

}  // namespace nestvec
