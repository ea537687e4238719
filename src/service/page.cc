// SPDX-License-Identifier: Apache-2.0
#include "service/page.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

#include "base/content_hash.h"
#include "base/json.h"
#include "nestvec/tasks.h"
#include "service/embed_call.h"
#include "service/request_path.h"
#include "service/served_models.h"
#include "service/web_files.h"

namespace nestvec {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kScript = "text/javascript; charset=utf-8";
constexpr std::string_view kStyle = "text/css; charset=utf-8";
constexpr std::string_view kOpenApi = "openapi.json";

struct PageFile {
  std::string_view path;
  std::string_view file;
  std::string_view content_type;
};

constexpr PageFile kPageFiles[] = {
    {"/", "index.html", kHtml},
    {"/api.js", "api.js", kScript},
    {"/app.js", "app.js", kScript},
    {"/brief.js", "brief.js", kScript},
    {"/charts.js", "charts.js", kScript},
    {"/code.js", "code.js", kScript},
    {"/docs", "docs.html", kHtml},
    {"/docs.css", "docs.css", kStyle},
    {"/docs.js", "docs.js", kScript},
    {"/examples.js", "examples.js", kScript},
    {"/favicon.svg", "favicon.svg", "image/svg+xml"},
    {"/map.js", "map.js", kScript},
    {"/shared.js", "shared.js", kScript},
    {"/style.css", "style.css", kStyle},
    {"/tabs.js", "tabs.js", kScript},
    {"/theme.js", "theme.js", kScript},
    {"/trial.js", "trial.js", kScript},
    {"/vectors.js", "vectors.js", kScript},
    {"/openapi.json", kOpenApi, "application/json"},
    {"/api-doc/openapi.json", kOpenApi, "application/json"},
};

std::string_view web_file(std::string_view name) {
  const auto files = web_files();
  const auto file = std::ranges::find(files, name, &EmbeddedFile::name);
  if (file == files.end()) {
    throw Error(ErrorCode::kInternal, "web file " + std::string(name) + " is not in the program");
  }
  return file->body;
}

std::string entity_tag(std::string_view body) {
  constexpr std::size_t kDigits = 16;
  return "\"" + sha256_hex(body).substr(0, kDigits) + "\"";
}

// Browsers ask each time whether the file is still the same: a server may be replaced by another
// version under their eyes, and 304 costs next to nothing.
Headers page_headers(const std::string& tag) {
  return {{"ETag", "W/" + tag},  // weak: the transport may pack the same page in several ways
          {"Cache-Control", "no-cache"},
          {"Content-Security-Policy",
           "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"}};
}

// Whether an If-None-Match list names `tag`. Tags are in quotes, so looking for one in the list
// cannot find a part of another.
bool names_tag(std::string_view list, std::string_view tag) {
  return list == "*" || list.find(tag) != std::string_view::npos;
}

// The addresses in a page are relative to its own. So it has one: "docs" for "docs/", and the root
// with a slash at its end, below a prefix, too. Empty for a request that has it.
std::optional<std::string> right_place(const HttpRequest& request) {
  const std::string_view sent = request.sent_path;
  if (sent.empty()) return std::nullopt;
  if (request.path == "/") {
    if (sent.ends_with('/')) return std::nullopt;
    return std::string(sent.substr(sent.rfind('/') + 1)) + "/";  // the end of the prefix
  }
  if (!sent.ends_with('/')) return std::nullopt;
  return ".." + request.path;
}

// What is at one of these paths; its tag changes with it.
struct PageContent {
  PageContent(std::string_view type, std::string text)
      : content_type(type), body(std::move(text)), tag(entity_tag(body)) {}

  std::string content_type;
  std::string body;
  std::string tag;
};

HttpResponse answer(const HttpRequest& request, const PageContent& content) {
  if (content.content_type == kHtml) {
    if (const auto place = right_place(request)) {
      return {307, "text/plain; charset=utf-8", {{"Location", *place}}, ""};
    }
  }
  const auto known = request.header("if-none-match");
  const bool unchanged = known && names_tag(*known, content.tag);
  return {unchanged ? 304 : 200, content.content_type, page_headers(content.tag),
          unchanged ? "" : content.body};
}

const PageFile* find_static(std::string_view path) {
  const auto* const file = std::ranges::find(kPageFiles, path, &PageFile::path);
  return file == std::end(kPageFiles) || file->file == kOpenApi ? nullptr : file;
}

std::string json_string(std::string_view text) {
  std::string json;
  append_json_string(text, json);
  return json;
}

// The names that find_task or find_prompt takes, as members of a JSON array: the model's own, and
// the usual ones of other APIs.
std::string names_for(const ModelInfo& model,
                      std::string (*find)(const ModelInfo&, std::string_view)) {
  std::string names = R"("", "none")";
  for (const TaskInfo& task : model.tasks) names += ", " + json_string(task.name);
  for (const std::string_view alias :
       {"query", "search_query", "passage", "document", "search_document", "clustering",
        "classification", "similarity"}) {
    if (std::ranges::find(model.tasks, alias, &TaskInfo::name) != model.tasks.end()) continue;
    try {
      find(model, alias);
      names += ", " + json_string(alias);
    } catch (const Error&) {  // the model does not take it
    }
  }
  return names;
}

std::string base_path(const ServerOptions& options) {
  const std::string prefix = parse_path_prefix(options.path_prefix);
  return prefix.empty() ? "/" : prefix;
}

using Values = std::vector<std::pair<std::string_view, std::string>>;

Values values_of(const ModelInfo& model, const ServerOptions& options, std::string_view version) {
  const bool keyed = !options.api_keys.empty() || !options.api_key_file.empty();
  return {{"version", json_string(version)},
          {"model", json_string(model.id)},
          {"dimensions", std::to_string(model.dimensions)},
          {"max_inputs", std::to_string(options.max_inputs)},
          {"max_tokens", std::to_string(model.max_tokens)},
          {"max_sentences", std::to_string(options.max_inputs - 1)},  // beside the one they meet
          {"max_token_id", std::to_string(model.vocabulary - 1)},
          {"base", json_string(base_path(options))},
          {"tasks", names_for(model, find_task)},
          {"prompts", names_for(model, find_prompt) + ", null"},
          {"input", json_string(options.token_ids == "accept" ? "#/components/schemas/Input"
                                                              : "#/components/schemas/TextInput")},
          {"security", keyed ? R"([{"bearer": []}])" : "[]"}};
}

// openapi.json, made anew when another model has become the default.
class Description {
 public:
  std::shared_ptr<const PageContent> of(const Service& service) {
    const ModelInfo& model = service.model.info();
    const std::lock_guard lock(mutex_);
    if (content_ == nullptr || loaded_ != service.loaded) {
      content_ = std::make_shared<const PageContent>(
          "application/json", openapi_document(model, service.options, service.version));
      loaded_ = service.loaded;
    }
    return content_;
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const PageContent> content_;
  std::uint64_t loaded_ = 0;  // Service::loaded of its model
};

}  // namespace

std::optional<HttpResponse> answer_page(const HttpRequest& request) {
  const PageFile* const file = find_static(request.path);
  if (file == nullptr) return std::nullopt;
  return answer(request, {file->content_type, std::string(web_file(file->file))});
}

bool is_page_file(const HttpRequest& request) {
  const PageFile* const file = find_static(request.path);
  return request.method == "GET" && file != nullptr && file->content_type != kHtml;
}

std::string openapi_document(const ModelInfo& model, const ServerOptions& options,
                             std::string_view version) {
  // A placeholder is a string of the file: "{version}".
  constexpr std::string_view kOpen = "\"{";
  constexpr std::string_view kClose = "}\"";
  const Values values = values_of(model, options, version);
  std::string_view rest = web_file(kOpenApi);
  std::string document;
  for (auto at = rest.find(kOpen); at != std::string_view::npos; at = rest.find(kOpen)) {
    document += rest.substr(0, at);
    rest.remove_prefix(at + kOpen.size());
    const std::string_view name = rest.substr(0, rest.find(kClose));
    const auto value = std::ranges::find(values, name, &Values::value_type::first);
    if (value == values.end()) {
      throw Error(ErrorCode::kInternal,
                  "openapi.json: no value for {" + std::string(name.substr(0, 32)) + "}");
    }
    document += value->second;
    rest.remove_prefix(name.size() + kClose.size());
  }
  return document.append(rest);
}

std::vector<Route> page_routes(const Service& service) {
  std::vector<Route> routes;
  const auto description = std::make_shared<Description>();
  description->of(*default_model(service));  // the first request need not wait for it
  for (const auto& [path, file, content_type] : kPageFiles) {
    if (file == kOpenApi) {
      const RouteHandler handle = [description](const Exchange& exchange) {
        exchange.respond(answer(*exchange.request, *description->of(exchange.service)));
      };
      routes.push_back({"GET", path, handle, &openai_errors(), true});
      continue;
    }
    const auto content =
        std::make_shared<const PageContent>(content_type, std::string(web_file(file)));
    const RouteHandler handle = [content](const Exchange& exchange) {
      exchange.respond(answer(*exchange.request, *content));
    };
    routes.push_back({"GET", path, handle, &openai_errors(), true});
  }
  return routes;
}

}  // namespace nestvec
