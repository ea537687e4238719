// SPDX-License-Identifier: Apache-2.0
// The addresses of a hub. Parsed by libcurl itself, so that what is checked is what is connected
// to.
#pragma once

#include <string>
#include <string_view>

namespace nestvec {

// A hub's address without a slash at its end. Throws Error: kInvalidArgument (not
// http(s)://HOST..., or with a user, a password, a query or a fragment).
std::string normalize_endpoint(const std::string& endpoint);

// {endpoint}/api/models/{repo}/revision/{revision}?blobs=true
std::string repo_info_url(const std::string& endpoint, const std::string& repo,
                          const std::string& revision);

// {endpoint}/{repo}/resolve/{commit}/{path}
std::string file_url(const std::string& endpoint, const std::string& repo,
                     const std::string& commit, const std::string& path);

// "https://host:443": what two addresses must share for a secret of the one to be told to the
// other. Empty for anything but http and https.
std::string url_origin(const std::string& url);

// "host" or "host:8080" for messages; nothing of the path or the query, which may hold signatures.
std::string url_host(const std::string& url);

}  // namespace nestvec
