// SPDX-License-Identifier: Apache-2.0
// The whole server in this process, with a small model and plain sockets.
#include "server/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <latch>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "support/folders.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

// What a log was told.
class Lines {
 public:
  Log::Sink sink() {
    return [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      text_ += line;
    };
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

// Sends one request and returns the answer as it came; empty where nobody listens. Counts `sent`
// down between the two.
std::string answer_of(std::uint16_t port, const std::string& request, std::latch* sent = nullptr) {
  const FileDescriptor peer(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return "";
  }
  if (::send(peer.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return "";  // it has ended since
  }
  if (sent != nullptr) sent->count_down();
  std::string answer;
  std::array<char, 4096> part{};
  while (true) {
    const ssize_t count = ::recv(peer.get(), part.data(), part.size(), 0);
    if (count <= 0) return answer;
    answer.append(part.data(), static_cast<std::size_t>(count));
  }
}

int status(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}

const std::string kBody = R"({"input":["a","b"],"encoding_format":"base64"})";

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    config_.checkpoints.repo_id = test_data() + "/../models/v3-tiny";
    config_.runtime.cache_dir = test_build() + "/server-cache";
    config_.runtime.precision = "fp32";
    config_.server.http = "127.0.0.1:0";
    config_.server.grace_seconds = 120;
  }

  void listen() {
    server_.emplace(config_.server, log_);
    const std::string text = server_->addresses();
    const std::string first = text.substr(0, text.find(' '));
    port_ = static_cast<std::uint16_t>(std::stoi(first.substr(first.rfind(':') + 1)));
  }
  void open() { server_->open(load_model(config_)); }
  void start() {
    listen();
    open();
  }

  std::string get(const std::string& path, const std::string& host = "localhost") const {
    return answer_of(
        port_, "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  }

  std::string embed(const std::string& body, const std::string& key = "",
                    std::latch* sent = nullptr) const {
    return answer_of(port_,
                     "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nAuthorization: Bearer " +
                         key + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                         body,
                     sent);
  }

  // Why a server with these options does not listen; empty where it does.
  std::string refusal(const ServerOptions& options) {
    try {
      const Server server(options, log_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  ServerConfig config_;
  Lines lines_;
  Log log_{LogFormat::kText, lines_.sink()};
  std::optional<Server> server_;
  std::uint16_t port_ = 0;  // of its first address
};

TEST_F(ServerTest, LivesBeforeItIsReady) {
  listen();
  EXPECT_EQ(status(get("/health")), 200);
  EXPECT_EQ(status(get("/ready")), 503);
  EXPECT_EQ(status(embed(kBody)), 503);
  server_->load_state().progress(0.5);
  const std::string loading = get("/metrics");
  for (const char* line : {"\nnestvec_ready 0\n", "\nnestvec_load_progress 0.5\n",
                           "\nprocess_open_fds ", "\nnestvec_connections "}) {
    EXPECT_NE(loading.find(line), std::string::npos) << line << loading;
  }
  EXPECT_NE(get("/ready").find(R"("progress":0.50)"), std::string::npos);
  EXPECT_NE(get("/docs/").find("\r\nLocation: ../docs\r\n"), std::string::npos);
  open();
  const std::string ready = get("/metrics");
  for (const char* line :
       {"\nnestvec_ready 1\n", "\nnestvec_load_progress 1\n", "\nnestvec_build_info{version=\""}) {
    EXPECT_NE(ready.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(status(get("/health")), 200);
  EXPECT_EQ(status(get("/ready")), 200);
  EXPECT_EQ(status(embed(kBody)), 200);
  EXPECT_NE(get("/metrics").find("\nnestvec_connections "), std::string::npos);
  EXPECT_TRUE(server_->drain());
  EXPECT_EQ(status(get("/health")), 0);
}

TEST_F(ServerTest, ForgivesPathsAndKnowsItsPrefix) {
  config_.server.path_prefix = "nestvec/";
  listen();
  EXPECT_TRUE(server_->addresses().ends_with("/nestvec")) << server_->addresses();
  open();
  for (const char* path : {"/v1/models", "/v1/models/", "//v1//models", "/v1/v1/models", "/models",
                           "/nestvec/v1/models", "/nestvec/metrics", "/nestvec/health", "/nestvec/",
                           "/nestvec/docs", "/nestvec/style.css", "/health"}) {
    EXPECT_EQ(status(get(path)), 200) << path;
  }
  EXPECT_NE(get("/nestvec").find("\r\nLocation: nestvec/\r\n"), std::string::npos);
  EXPECT_NE(get("/nestvec/docs/").find("\r\nLocation: ../docs\r\n"), std::string::npos);
  EXPECT_NE(get("/openapi.json").find("\"url\": \"/nestvec\""), std::string::npos);
  EXPECT_EQ(status(get("/other/v1/models")), 404);
}

TEST_F(ServerTest, LocalhostIsBothVersionsOfIp) {
  config_.server.http = "localhost:0";
  listen();
  const std::string address = server_->addresses();
  ASSERT_TRUE(address.starts_with("http://localhost:")) << address;
  EXPECT_EQ(status(get("/health")), 200) << "over IPv4";
  config_.server.http = "localhost:" + std::to_string(port_);
  EXPECT_THROW(Server(config_.server, log_), Error) << "in use";
}

TEST_F(ServerTest, AnswersWhatWasBegunWhenItDrains) {
  start();
  EXPECT_TRUE(server_->addresses().starts_with("http://127.0.0.1:"));
  std::string many = R"({"input":[)";
  for (int i = 0; i < 400; ++i) many += "\"text number " + std::to_string(i) + "\",";
  many.back() = ']';
  std::vector<std::thread> clients;
  std::latch sent(4);
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      const std::string answer = embed(many + "}", "", &sent);
      EXPECT_EQ(status(answer), 200) << answer.substr(0, 1000);
    });
  }
  sent.wait();
  EXPECT_TRUE(server_->drain());
  for (std::thread& client : clients) client.join();
}

TEST_F(ServerTest, GrpcListensBesideHttp) {
  config_.server.grpc = "127.0.0.1:0";
  start();
  EXPECT_NE(server_->addresses().find(" grpc://127.0.0.1:"), std::string::npos);
  EXPECT_TRUE(server_->drain());
}

TEST_F(ServerTest, EndsInTheMiddleOfWork) {
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  std::atomic<bool> stop{false};
  start();
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) answered += status(embed(kBody)) == 200 ? 1 : 0;
    });
  }
  while (answered < 20) std::this_thread::yield();
  server_.reset();
  stop = true;
  for (std::thread& client : clients) client.join();
}

TEST_F(ServerTest, ReadsItsKeysAgain) {
  const std::string file =
      (fs::temp_directory_path() / ("keys-" + std::to_string(::getpid()))).string();
  std::ofstream(file) << "one\n";
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  config_.server.api_key_file = file;
  start();
  EXPECT_EQ(status(embed(kBody, "one")), 200);
  EXPECT_EQ(status(embed(kBody, "two")), 401);
  std::ofstream(file) << "two\n";
  server_->reload();
  EXPECT_EQ(status(embed(kBody, "one")), 401);
  EXPECT_EQ(status(embed(kBody, "two")), 200);
  fs::remove(file);
  server_->reload();
  EXPECT_EQ(status(embed(kBody, "two")), 200);
  EXPECT_NE(lines_.text().find("reloaded the API keys"), std::string::npos);
  EXPECT_NE(lines_.text().find(file + ": every user of this machine may read"), std::string::npos);
  EXPECT_NE(lines_.text().find("stay in use"), std::string::npos);
}

TEST_F(ServerTest, RefusesWhatCannotWorkBeforeItListens) {
  const auto with = [this](auto change) {
    ServerOptions options = config_.server;
    change(options);
    return refusal(options);
  };
  EXPECT_EQ(with([](ServerOptions&) {}), "");
  EXPECT_NE(with([](ServerOptions& o) { o.http = "8080"; }).find("HOST:PORT"), std::string::npos);
  EXPECT_NE(with([](ServerOptions& o) { o.grpc = "x"; }).find("HOST:PORT"), std::string::npos);
  EXPECT_NE(with([](ServerOptions& o) { o.tls_key = "x"; }).find("tls_certificate"),
            std::string::npos);
  EXPECT_NE(with([](ServerOptions& o) { o.api_key_file = "/nonexistent"; }).find("/nonexistent"),
            std::string::npos);
  EXPECT_NE(with([](ServerOptions& o) { o.api_key_file = "/dev/null"; }).find("may write"),
            std::string::npos);
}

TEST_F(ServerTest, AnswersToLocalNamesAloneOnALoopbackAddress) {
  config_.server.hosts = "embed.example";
  start();
  EXPECT_EQ(status(get("/info", "127.0.0.1")), 200);
  EXPECT_EQ(status(get("/info", "embed.example")), 200);
  EXPECT_EQ(status(get("/info", "evil.example")), 403);
}

// Who reaches it by the second port may know it by any name.
TEST_F(ServerTest, AnswersToEveryNameWhereOneAddressIsNoLoopback) {
  config_.server.grpc = "0.0.0.0:0";
  start();
  EXPECT_EQ(status(get("/info", "embed.example")), 200);
}

// Before a handler has seen them.
TEST_F(ServerTest, BodiesThatCannotBeReadAreRefusedInTheFormOfTheirRoute) {
  config_.server.cors_origins = "https://app.example";
  start();
  for (const auto& [path, form] : {std::pair{"/v1/embeddings", R"({"error":{"message":")"},
                                   {"/embed", R"("error_type":")"},
                                   {"/api/embed", R"({"error":")"},
                                   {"/v2/embed", R"({"message":")"},
                                   {"/v2/models/m/outputs", R"("status":{"code":)"}}) {
    for (const auto& [head, code] :
         {std::pair{"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415},
          {"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 400},
          {"Content-Length: 99999999999\r\n\r\n", 413}}) {
      const std::string answer =
          answer_of(port_, "POST " + std::string(path) +
                               " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               "Origin: https://app.example\r\n" +
                               head);
      EXPECT_EQ(status(answer), code) << path << answer;
      EXPECT_NE(answer.find(form), std::string::npos) << path << answer;
      EXPECT_NE(answer.find("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"),
                std::string::npos)
          << path << answer;
    }
  }
}

TEST_F(ServerTest, StrangersAreRefusedInEveryForm) {
  start();
  for (const char* path : {"/info", "/v1/models", "/v2/models", "/v2/nothing", "/api/tags"}) {
    EXPECT_EQ(status(get(path, "evil.example")), 403) << path;
  }
}

TEST_F(ServerTest, TellsOfAnAddressInUse) {
  listen();
  ServerOptions same = config_.server;
  same.http = "127.0.0.1:" + std::to_string(port_);
  EXPECT_NE(refusal(same).find(same.http), std::string::npos);
}

}  // namespace
}  // namespace nestvec
