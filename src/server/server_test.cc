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
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

ServerConfig test_config() {
  ServerConfig config;
  config.checkpoints.repo_id = std::string(NESTVEC_TEST_DATA) + "/../models/v3-tiny";
  config.runtime.cache_dir = std::string(NESTVEC_TEST_BUILD) + "/server-cache";
  config.runtime.precision = "fp32";
  config.server.http = "127.0.0.1:0";
  config.server.grace_seconds = 120;
  return config;
}

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

std::uint16_t port_of(const Server& server) {
  const std::string text = server.addresses();
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind("127.0.0.1:") + 10)));
}

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

std::string get(std::uint16_t port, const std::string& path) {
  return answer_of(port,
                   "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

std::string embed(std::uint16_t port, const std::string& body, const std::string& key = "",
                  std::latch* sent = nullptr) {
  return answer_of(
      port,
      "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
      "application/json\r\nAuthorization: Bearer " +
          key + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
      sent);
}

int status(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}

const std::string kBody = R"({"input":["a","b"],"encoding_format":"base64"})";

TEST(Server, LivesBeforeItIsReady) {
  const ServerConfig config = test_config();
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  const std::uint16_t port = port_of(server);
  EXPECT_EQ(status(get(port, "/health")), 200);
  EXPECT_EQ(status(get(port, "/ready")), 503);
  EXPECT_EQ(status(embed(port, kBody)), 503);
  server.load_state().progress(0.5);
  const std::string loading = get(port, "/metrics");
  for (const char* line : {"\nnestvec_ready 0\n", "\nnestvec_load_progress 0.5\n",
                           "\nprocess_open_fds ", "\nnestvec_connections "}) {
    EXPECT_NE(loading.find(line), std::string::npos) << line << loading;
  }
  EXPECT_NE(get(port, "/").find("Compiling: 50 %"), std::string::npos);
  server.open(load_model(config));
  const std::string open = get(port, "/metrics");
  for (const char* line :
       {"\nnestvec_ready 1\n", "\nnestvec_load_progress 1\n", "\nnestvec_build_info{version=\""}) {
    EXPECT_NE(open.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(status(get(port, "/health")), 200);
  EXPECT_EQ(status(get(port, "/ready")), 200);
  EXPECT_EQ(status(embed(port, kBody)), 200);
  EXPECT_NE(get(port, "/metrics").find("\nnestvec_connections "), std::string::npos);
  EXPECT_TRUE(server.drain());
  EXPECT_EQ(status(get(port, "/health")), 0);
}

TEST(Server, ForgivesPathsAndKnowsItsPrefix) {
  ServerConfig config = test_config();
  config.server.path_prefix = "nestvec/";
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  EXPECT_TRUE(server.addresses().ends_with("/nestvec")) << server.addresses();
  const std::uint16_t port = port_of(server);
  server.open(load_model(config));
  for (const char* path : {"/v1/models", "/v1/models/", "//v1//models", "/v1/v1/models", "/models",
                           "/nestvec/v1/models", "/nestvec/metrics", "/nestvec/health", "/nestvec/",
                           "/nestvec/docs", "/nestvec/style.css", "/health"}) {
    EXPECT_EQ(status(get(port, path)), 200) << path;
  }
  EXPECT_NE(get(port, "/nestvec").find("\r\nLocation: nestvec/\r\n"), std::string::npos);
  EXPECT_NE(get(port, "/nestvec/docs/").find("\r\nLocation: ../docs\r\n"), std::string::npos);
  EXPECT_NE(get(port, "/openapi.json").find("\"url\": \"/nestvec\""), std::string::npos);
  EXPECT_EQ(status(get(port, "/other/v1/models")), 404);
}

TEST(Server, LocalhostIsBothVersionsOfIp) {
  ServerConfig config = test_config();
  config.server.http = "localhost:0";
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  const std::string address = server.addresses();
  ASSERT_TRUE(address.starts_with("http://localhost:")) << address;
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  EXPECT_EQ(status(get(port, "/health")), 200) << "over IPv4";
  config.server.http = "localhost:" + std::to_string(port);
  EXPECT_THROW(Server(config.server, log), Error) << "in use";
}

TEST(Server, AnswersWhatWasBegunWhenItDrains) {
  ServerConfig config = test_config();
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  server.open(load_model(config));
  const std::string addresses = server.addresses();
  EXPECT_EQ(addresses.find("http://127.0.0.1:"), 0u);
  const auto port = static_cast<std::uint16_t>(std::stoi(addresses.substr(17)));
  std::string many = R"({"input":[)";
  for (int i = 0; i < 400; ++i) many += "\"text number " + std::to_string(i) + "\",";
  many.back() = ']';
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  std::latch sent(4);
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(
        [&] { answered += status(embed(port, many + "}", "", &sent)) == 200 ? 1 : 0; });
  }
  sent.wait();
  EXPECT_TRUE(server.drain());
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 4);
}

TEST(Server, GrpcListensBesideHttp) {
  ServerConfig config = test_config();
  config.server.grpc = "127.0.0.1:0";
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  server.open(load_model(config));
  EXPECT_NE(server.addresses().find(" grpc://127.0.0.1:"), std::string::npos);
  EXPECT_TRUE(server.drain());
}

TEST(Server, EndsInTheMiddleOfWork) {
  const ServerConfig config = test_config();
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  std::atomic<bool> stop{false};
  {
    Server server(config.server, log);
    server.open(load_model(config));
    const std::uint16_t port = port_of(server);
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([port, &answered, &stop] {
        while (!stop) answered += status(embed(port, kBody)) == 200 ? 1 : 0;
      });
    }
    while (answered < 20) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& client : clients) client.join();
}

TEST(Server, ReadsItsKeysAgain) {
  const std::string file =
      (fs::temp_directory_path() / ("keys-" + std::to_string(::getpid()))).string();
  std::ofstream(file) << "one\n";
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ServerConfig config = test_config();
  config.server.api_key_file = file;
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  server.open(load_model(config));
  const std::uint16_t port = port_of(server);
  EXPECT_EQ(status(embed(port, kBody, "one")), 200);
  EXPECT_EQ(status(embed(port, kBody, "two")), 401);
  std::ofstream(file) << "two\n";
  server.reload();
  EXPECT_EQ(status(embed(port, kBody, "one")), 401);
  EXPECT_EQ(status(embed(port, kBody, "two")), 200);
  fs::remove(file);
  server.reload();
  EXPECT_EQ(status(embed(port, kBody, "two")), 200);
  EXPECT_NE(lines.text().find("reloaded the API keys"), std::string::npos);
  EXPECT_NE(lines.text().find(file + ": every user of this machine may read"), std::string::npos);
  EXPECT_NE(lines.text().find("stay in use"), std::string::npos);
}

std::string refusal(const ServerOptions& options) {
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  try {
    const Server server(options, log);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Server, RefusesWhatCannotWorkBeforeItListens) {
  const auto with = [](auto change) {
    ServerOptions options = test_config().server;
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

TEST(Server, AnswersToLocalNamesAloneOnALoopbackAddress) {
  ServerConfig config = test_config();
  config.server.hosts = "embed.example";
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  server.open(load_model(config));
  const auto status_as = [port = port_of(server)](const std::string& host) {
    return status(
        answer_of(port, "GET /info HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"));
  };
  EXPECT_EQ(status_as("127.0.0.1"), 200);
  EXPECT_EQ(status_as("embed.example"), 200);
  EXPECT_EQ(status_as("evil.example"), 403);
}

// Who reaches it by the second port may know it by any name.
TEST(Server, AnswersToEveryNameWhereOneAddressIsNoLoopback) {
  ServerConfig config = test_config();
  config.server.grpc = "0.0.0.0:0";
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  Server server(config.server, log);
  server.open(load_model(config));
  EXPECT_EQ(status(answer_of(port_of(server),
                             "GET /info HTTP/1.1\r\nHost: embed.example\r\n"
                             "Connection: close\r\n\r\n")),
            200);
}

TEST(Server, TellsOfAnAddressInUse) {
  const ServerConfig config = test_config();
  Lines lines;
  Log log(LogFormat::kText, lines.sink());
  const Server first(config.server, log);
  ServerOptions same = config.server;
  same.http = "127.0.0.1:" + std::to_string(port_of(first));
  EXPECT_NE(refusal(same).find(same.http), std::string::npos);
}

}  // namespace
}  // namespace nestvec
