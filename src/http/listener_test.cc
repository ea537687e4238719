// SPDX-License-Identifier: Apache-2.0
#include "http/listener.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "nestvec/error.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

TEST(Listener, NamesTheAddressThatIsInUse) {
  TestServer server;
  HttpServerOptions options = local_options();
  options.address.port = server.server->port();
  RequestThreads threads(1);
  try {
    const HttpServer second(options, &echo, threads);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kAlreadyExists);
    EXPECT_NE(std::string(error.what()).find(to_string(options.address)), std::string::npos);
  }
}

class UnixSocket : public ::testing::Test {
 protected:
  UnixSocket() {
    options_.address = Address();
    options_.address.unix_path = path_;
    std::filesystem::remove(path_);
  }
  ~UnixSocket() override { std::filesystem::remove(path_); }

  const std::string path_ =
      std::filesystem::temp_directory_path() / ("nestvec-test-" + std::to_string(::getpid()));
  HttpServerOptions options_;
};

TEST_F(UnixSocket, IsServedAndRemoved) {
  options_.unix_mode = 0600;
  {
    TestServer server(options_);
    EXPECT_EQ(TestClient(path_).ask(get("/u")).body, "GET /u ");
    struct stat file{};
    EXPECT_EQ(::stat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600u);
    EXPECT_EQ(server.access_log(1)[0].client, "unix");
    RequestThreads threads(1);
    EXPECT_THROW(HttpServer(options_, &echo, threads), Error);
    EXPECT_EQ(TestClient(path_).ask(get("/still")).status, 200);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocket, ReplacesOneThatNobodyListensAt) {
  const SocketAddress address = resolve(options_.address).front();
  {
    const FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(dead.get(), address.data(), address.size), 0);
  }
  TestServer server(options_);
  EXPECT_EQ(TestClient(path_).ask(get("/")).status, 200);
}

TEST_F(UnixSocket, LeavesAFileAlone) {
  std::ofstream(path_) << "kept";
  RequestThreads threads(1);
  EXPECT_THROW(HttpServer(options_, &echo, threads), Error);
  EXPECT_EQ(std::filesystem::file_size(path_), 4u);
}

}  // namespace
}  // namespace nestvec
