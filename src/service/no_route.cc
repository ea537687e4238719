// SPDX-License-Identifier: Apache-2.0
#include "service/no_route.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/excerpt.h"
#include "base/suggestion.h"
#include "service/router.h"

namespace nestvec {
namespace {

// What other servers have below a path with one of these words as a segment.
struct Elsewhere {
  std::array<std::string_view, 8> segments;
  std::string_view needs;  // or where it is here
};

constexpr std::array<Elsewhere, 5> kElsewhere = {{
    {{"rerank", "reranking", "rank", "score"},
     "pairs of texts are scored by POST /v1/rerank and /score"},
    {{"chat", "completions", "completion", "generate", "generate_stream", "responses", "messages",
      "assistants"},
     "it generates text, which needs a language model"},
    {{"classify", "predict", "moderations"},
     "texts are classified by POST /classify and POST /predict"},
    {{"embed_sparse", "sparse"}, "sparse vectors are given by POST /embed_sparse"},
    {{"images", "audio", "embed_image", "embed_audio"},
     "it is for images or sound, and this server reads only texts"},
}};

bool has_segment(std::string_view path, std::string_view wanted) {
  for (std::size_t at = path.find(wanted); at != std::string_view::npos;
       at = path.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    if (at > 0 && path[at - 1] == '/' && (end == path.size() || path[end] == '/')) return true;
  }
  return false;
}

std::string_view needs_of(std::string_view path) {
  for (const std::string_view service : {"/tei.v1.", "/grpc.", "/clarifai.api."}) {
    if (path.starts_with(service)) {
      return "it is a method of gRPC, which is called over HTTP/2 as application/grpc";
    }
  }
  for (const Elsewhere& kind : kElsewhere) {
    for (const std::string_view segment : kind.segments) {
      if (!segment.empty() && has_segment(path, segment)) return kind.needs;
    }
  }
  return "";
}

// Paths that are the same for every request, and no files of the pages.
bool can_be_meant(const Route& route) {
  return route.path.size() > 1 && route.path.find_first_of("{.") == std::string_view::npos;
}

std::string nearest_route(std::string_view method, std::string_view path,
                          std::span<const Route> routes) {
  std::vector<std::string> paths;
  for (const Route& route : routes) {
    if (can_be_meant(route)) paths.emplace_back(route.path);
  }
  const std::string nearest = nearest_word(path, paths);
  if (nearest.empty()) return "";
  const Route* found = nullptr;
  for (const Route& route : routes) {
    if (route.path == nearest && (found == nullptr || route.method == method)) found = &route;
  }
  return std::string(found->method) + " " + nearest;
}

}  // namespace

std::string no_route_message(std::string_view method, std::string_view path,
                             std::span<const Route> routes) {
  constexpr std::size_t kLongest = 64;
  const std::string_view begin = path.substr(0, kLongest);
  std::string message = "no such route: " + excerpt(method) + " " + excerpt(path);
  const std::string_view needs = needs_of(begin);
  const std::string nearest =
      needs.empty() && path.size() <= kLongest ? nearest_route(method, path, routes) : "";
  if (!needs.empty()) message.append("; ").append(needs);
  if (!nearest.empty()) message.append("; did you mean ").append(nearest).append("?");
  message.append(nearest.empty() ? "." : "");
  return message + " This is nestvec, a text-embedding server; see GET /docs or GET /openapi.json";
}

}  // namespace nestvec
