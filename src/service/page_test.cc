// SPDX-License-Identifier: Apache-2.0
#include "service/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <regex>
#include <set>

#include "base/json.h"
#include "service/web_files.h"
#include "support/folders.h"

namespace nestvec {
namespace {

class Page : public ::testing::Test {
 protected:
  static ModelConfig config() {
    ModelConfig config = config_for_model(test_data() + "/../models/v3-tiny");
    config.runtime.cache_dir = test_build() + "/page-cache";
    return config;
  }

  HttpResponse get(std::string_view path, Headers headers = {}, std::string_view sent_path = "") {
    const auto route = std::ranges::find(routes_, path, &Route::path);
    if (route == routes_.end()) return {404, "", {}, ""};
    auto request = std::make_shared<HttpRequest>();
    request->method = "GET";
    request->path = path;
    request->sent_path = sent_path;
    request->headers = std::move(headers);
    HttpResponse answer;
    route->handle({service_,
                   request,
                   [&](HttpResponse sent) { answer = std::move(sent); },
                   route->errors,
                   "",
                   {}});
    return answer;
  }

  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }

  const Model model_ = load_model(config());
  ServerOptions options_;
  Metrics metrics_;
  Service service_{model_, options_, metrics_, [](const auto& work) { work(); }, "1.2.3"};
  std::vector<Route> routes_ = page_routes(service_);
};

TEST_F(Page, EveryEmbeddedFileIsServed) {
  for (const EmbeddedFile& file : web_files()) {
    const bool served = std::ranges::any_of(routes_, [&](const Route& route) {
      return file.name == "openapi.json" ? route.path == "/openapi.json"
                                         : get(route.path).body == file.body;
    });
    EXPECT_TRUE(served) << file.name;
    EXPECT_FALSE(file.body.empty()) << file.name;
  }
}

TEST_F(Page, WhatPagesLoadIsThere) {
  const std::regex reference(R"re((?:src|href|from)(?:=| )"(?:\./)?([a-z.]+)")re");
  std::size_t found = 0;
  for (const Route& route : std::vector<Route>(routes_)) {
    if (route.path.ends_with("openapi.json")) continue;
    const std::string body = get(route.path).body;
    for (std::sregex_iterator match(body.begin(), body.end(), reference), end; match != end;
         ++match) {
      ++found;
      EXPECT_EQ(get("/" + (*match)[1].str()).status, 200) << route.path << ": " << (*match)[1];
    }
  }
  EXPECT_GT(found, 10U);
}

TEST_F(Page, NothingComesFromElsewhere) {
  const std::regex elsewhere(R"re((?:src|href|from|url)(?:=| |\()["']?https?:)re");
  for (const EmbeddedFile& file : web_files()) {
    const std::string body(file.body);
    EXPECT_FALSE(std::regex_search(body, elsewhere)) << file.name;
  }
}

TEST_F(Page, HtmlHasItsTypeAndAPolicy) {
  const HttpResponse page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_TRUE(page.body.starts_with("<!doctype html>"));
  EXPECT_TRUE(header(page, "Content-Security-Policy").starts_with("default-src 'self';"));
  EXPECT_EQ(header(page, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(get("/app.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_TRUE(std::ranges::all_of(routes_, &Route::open));
}

TEST_F(Page, UnchangedFilesAreNotSentAgain) {
  const std::string tag = header(get("/"), "ETag");
  ASSERT_GT(tag.size(), 10U);
  ASSERT_TRUE(tag.starts_with("W/")) << "packed or not, it is the same page";
  EXPECT_NE(tag, header(get("/docs"), "ETag"));
  for (const std::string& list : {tag, tag.substr(2), "\"other\", " + tag, std::string("*")}) {
    const HttpResponse unchanged = get("/", {{"if-none-match", list}});
    EXPECT_EQ(unchanged.status, 304) << list;
    EXPECT_TRUE(unchanged.body.empty());
    EXPECT_EQ(header(unchanged, "ETag"), tag);
  }
  EXPECT_EQ(get("/", {{"if-none-match", "\"other\""}}).status, 200);
}

TEST_F(Page, HtmlHasTheAddressThatItsLinksNeed) {
  const auto location = [&](std::string_view path, std::string_view sent) {
    const HttpResponse response = get(path, {}, sent);
    EXPECT_EQ(response.status, header(response, "Location").empty() ? 200 : 307) << sent;
    return header(response, "Location");
  };
  EXPECT_EQ(location("/", "/"), "");
  EXPECT_EQ(location("/", "/a/b/"), "");
  EXPECT_EQ(location("/", "/a/b"), "b/");
  EXPECT_EQ(location("/docs", "/docs"), "");
  EXPECT_EQ(location("/docs", "/a/docs"), "");
  EXPECT_EQ(location("/docs", "/a/docs/"), "../docs");
  EXPECT_EQ(location("/app.js", "/app.js/"), "");
}

TEST_F(Page, FilesOfAPageAreToldFromPages) {
  const auto is_file = [](std::string_view path) {
    HttpRequest request;
    request.method = "GET";
    request.path = path;
    return is_page_file(request);
  };
  for (const char* path : {"/app.js", "/style.css", "/favicon.svg"}) EXPECT_TRUE(is_file(path));
  for (const char* path : {"/", "/docs", "/openapi.json", "/v1/models"})
    EXPECT_FALSE(is_file(path));
}

TEST_F(Page, DescriptionSaysWhatThisServerIs) {
  const JsonDocument document = JsonDocument::parse(get("/openapi.json").body, "openapi.json");
  const JsonValue root = document.root();
  EXPECT_EQ(root.at("info").at("version").string(), "1.2.3");
  const JsonValue schemas = root.at("components").at("schemas");
  EXPECT_EQ(static_cast<std::size_t>(schemas.at("Dimensions").at("maximum").integer()),
            model_.info().dimensions);
  EXPECT_EQ(static_cast<std::size_t>(schemas.at("TokenId").at("maximum").integer()),
            model_.info().vocabulary - 1);
  std::set<std::string_view> tasks;
  for (const JsonValue& task : schemas.at("Task").at("enum").elements())
    tasks.insert(task.string());
  for (const TaskInfo& task : model_.info().tasks) EXPECT_TRUE(tasks.contains(task.name));
  EXPECT_TRUE(tasks.contains("none"));
  EXPECT_EQ(get("/openapi.json").body, get("/api-doc/openapi.json").body);
  EXPECT_EQ(root.at("servers").elements().at(0).at("url").string(), "/");
}

TEST_F(Page, DescriptionHasThePrefix) {
  options_.path_prefix = "a/b/";
  const JsonDocument document =
      JsonDocument::parse(openapi_document(model_.info(), options_, "1"), "openapi.json");
  EXPECT_EQ(document.root().at("servers").elements().at(0).at("url").string(), "/a/b");
}

TEST_F(Page, DescriptionAsksForKeysWhereTheServerDoes) {
  const auto security = [&] {
    const JsonDocument document =
        JsonDocument::parse(openapi_document(model_.info(), options_, "1"), "openapi.json");
    return document.root().at("security").size();
  };
  EXPECT_EQ(security(), 0U);
  options_.api_key_file = "keys";
  EXPECT_EQ(security(), 1U);
  options_ = {};
  options_.api_keys = "a";
  EXPECT_EQ(security(), 1U);
}

// Every "#/components/KIND/NAME" of the description.
void follow_references(const JsonValue& value, const JsonValue& components, std::size_t& count) {
  if (value.kind() == JsonValue::Kind::kArray) {
    for (const JsonValue& element : value.elements()) follow_references(element, components, count);
  }
  if (value.kind() != JsonValue::Kind::kObject) return;
  for (const auto& [key, member] : value.members()) {
    if (key != "$ref") {
      follow_references(member, components, count);
      continue;
    }
    const std::string reference(member.string());
    constexpr std::string_view kStart = "#/components/";
    ASSERT_TRUE(reference.starts_with(kStart)) << reference;
    const std::size_t slash = reference.find('/', kStart.size());
    const std::string kind = reference.substr(kStart.size(), slash - kStart.size());
    EXPECT_TRUE(components.at(kind).find(reference.substr(slash + 1))) << reference;
    ++count;
  }
}

TEST_F(Page, ReferencesOfTheDescriptionLeadSomewhere) {
  const JsonDocument document = JsonDocument::parse(get("/openapi.json").body, "openapi.json");
  std::size_t count = 0;
  follow_references(document.root(), document.root().at("components"), count);
  EXPECT_GT(count, 100U);
}

}  // namespace
}  // namespace nestvec
