// SPDX-License-Identifier: Apache-2.0
// HttpServer under TLS, and the versions of HTTP that it tells apart.
#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "http/http_server.h"
#include "nestvec/error.h"
#include "support/certificate.h"
#include "support/h2_frames.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// The name in the certificate that the server showed.
std::string server_name(const TestClient& client) {
  const std::unique_ptr<X509, void (*)(X509*)> shown(SSL_get1_peer_certificate(client.tls()),
                                                     &X509_free);
  char* const line = X509_NAME_oneline(X509_get_subject_name(shown.get()), nullptr, 0);
  const std::string name = line;
  OPENSSL_free(line);
  return name;
}

class HttpTls : public ::testing::Test {
 protected:
  HttpTls() {
    std::filesystem::create_directories(folder_);
    options_ = local_options();
    options_.server.tls_certificate = folder_ / "certificate.pem";
    options_.server.tls_key = folder_ / "key.pem";
    write("CN-one");
  }
  ~HttpTls() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name) {
    write_certificate(name, options_.server.tls_certificate, options_.server.tls_key);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("nestvec-tls-" + std::to_string(::getpid()));
  HttpServerOptions options_;
};

TEST_F(HttpTls, AnswersAndKeepsTheConnection) {
  TestServer server(options_);
  TestClient client = server.client();
  ASSERT_TRUE(client.start_tls());
  EXPECT_EQ(client.ask(post("/1", "one")).body, "POST /1 one");
  client.send(post("/wait/2", "two") + post("/3", std::string(100'000, 'x')));
  EXPECT_EQ(client.response().value().body, "POST /wait/2 two");
  EXPECT_EQ(client.response().value().body, "POST /3 " + std::string(100'000, 'x'));
}

TEST_F(HttpTls, TellsWhoSpeaksPlainHttp) {
  TestServer server(options_);
  TestClient client = server.client();
  const auto refused = client.ask(post("/", std::string(10'000, 'x')));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("https://"), std::string::npos) << refused.body;
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(server.access_log(1).at(0).status, 400);
}

TEST_F(HttpTls, WritesLargeAnswersToASlowReader) {
  const std::string large(std::size_t{8} << 20, 'v');
  TestServer server(options_, [&](const auto&, const Respond& respond) {
    HttpResponse response;
    response.body = large;
    respond(std::move(response));
  });
  TestClient client = server.client();
  ASSERT_TRUE(client.start_tls());
  client.send(get("/"));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(client.response().value().body, large);
}

TEST_F(HttpTls, SeesWhenTheClientGoes) {
  std::atomic<bool> stopped = false;
  TestServer server(options_, [&](const auto& request, const Respond& respond) {
    eventually([&] { return request->stop.stop_requested(); });
    stopped = request->stop.stop_requested();
    respond({});
  });
  TestClient client = server.client();
  ASSERT_TRUE(client.start_tls());
  client.send(get("/"));
  std::this_thread::sleep_for(milliseconds(20));
  client.close();
  EXPECT_TRUE(eventually([&] { return stopped.load(); }));
}

TEST_F(HttpTls, EndsClientsThatDoNotShakeHands) {
  options_.server.header_seconds = 1;
  TestServer server(options_);
  TestClient silent = server.client();
  TestClient plain = server.client();
  plain.send(get("/"));
  plain.rest();  // whatever it is, it ends
  EXPECT_TRUE(silent.is_closed_within(seconds(5)));
}

TEST_F(HttpTls, TakesForwardSecrecyAndAeadAloneInItsOwnOrder) {
  TestServer server(options_);
  const auto cipher = [&server](const std::string& offered) -> std::string {
    TestClient client = server.client();
    if (!client.start_tls12(offered)) return "";
    EXPECT_EQ(client.ask(get("/")).status, 200);
    return SSL_get_cipher_name(client.tls());
  };
  const std::string best = "ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_EQ(cipher("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:" + best), best);
  EXPECT_EQ(cipher("ECDHE-ECDSA-AES128-GCM-SHA256"), "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(cipher("ECDHE-ECDSA-AES128-SHA256"), "") << "CBC";
  EXPECT_EQ(cipher("ECDHE-ECDSA-AES256-SHA"), "") << "CBC";
  EXPECT_EQ(cipher("ECDHE-ECDSA-AES128-CCM8"), "") << "a short tag";
  write_rsa_certificate("CN-rsa", options_.server.tls_certificate, options_.server.tls_key);
  server.server->reload_tls();
  EXPECT_EQ(cipher("AES128-GCM-SHA256"), "") << "no forward secrecy";
  EXPECT_EQ(cipher("DHE-RSA-AES128-GCM-SHA256"), "");
  EXPECT_EQ(cipher("ECDHE-RSA-AES128-GCM-SHA256"), "ECDHE-RSA-AES128-GCM-SHA256");
  TestClient newest = server.client();
  ASSERT_TRUE(newest.start_tls());
  EXPECT_STREQ(SSL_get_version(newest.tls()), "TLSv1.3");
}

TEST_F(HttpTls, UsesNewFilesForNewConnections) {
  TestServer server(options_);
  TestClient first = server.client();
  ASSERT_TRUE(first.start_tls());
  EXPECT_EQ(server_name(first), "/CN=CN-one");
  write("CN-two");
  server.server->reload_tls();
  TestClient second = server.client();
  ASSERT_TRUE(second.start_tls());
  EXPECT_EQ(server_name(second), "/CN=CN-two");
  EXPECT_EQ(first.ask(get("/")).status, 200);

  std::ofstream(options_.server.tls_key) << "no key";
  EXPECT_THROW(server.server->reload_tls(), Error);
  TestClient third = server.client();
  ASSERT_TRUE(third.start_tls());
  EXPECT_EQ(server_name(third), "/CN=CN-two");
}

TEST_F(HttpTls, NamesTheFileThatIsWrong) {
  RequestThreads threads(1);
  const auto error_of = [&](const HttpServerOptions& options) -> std::string {
    try {
      HttpServer(options, &echo, threads);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  HttpServerOptions missing = options_;
  missing.server.tls_key += ".missing";
  EXPECT_NE(error_of(missing).find(missing.server.tls_key), std::string::npos);
  HttpServerOptions half = options_;
  half.server.tls_key.clear();
  EXPECT_NE(error_of(half).find("server.tls_key"), std::string::npos);
  HttpServerOptions swapped = options_;
  std::swap(swapped.server.tls_key, swapped.server.tls_certificate);
  EXPECT_NE(error_of(swapped).find("PEM"), std::string::npos);
}

TEST_F(HttpTls, SpeaksHttp2ToWhoBeginsWithIt) {
  for (const bool tls : {false, true}) {
    TestServer server(tls ? options_ : local_options());
    TestClient client = server.client();
    EXPECT_TRUE(!tls || client.start_tls("\x02h2"));
    const std::string text =
        h2_hello() + h2_frame(kH2Headers, kH2EndStream | kH2EndHeaders, 1, h2_head("GET", "/2"));
    for (const char c : text) client.send(std::string_view(&c, 1));
    const auto answer = await_h2_frame(client, kH2Data);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->payload, "GET /2 ");
    client.close();
    EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
  }
}

TEST_F(HttpTls, SpeaksHttp1BesideHttp2) {
  TestServer server(options_);
  TestClient client = server.client();
  ASSERT_TRUE(client.start_tls(std::string("\x02h2\x08http/1.1")));
  const unsigned char* chosen = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(client.tls(), &chosen, &length);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), length), "http/1.1");
  EXPECT_EQ(client.ask(post("/P", "PRI")).body, "POST /P PRI");
  client.send("P");
  EXPECT_EQ(client.ask(post("/2", "").substr(1)).status, 200);
}

}  // namespace
}  // namespace nestvec
