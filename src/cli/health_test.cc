// SPDX-License-Identifier: Apache-2.0
#include "cli/health.h"

#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "support/error_of.h"
#include "support/run_command.h"
#include "support/silent_port.h"

namespace nestvec {
namespace {

TEST(HealthTarget, TakesWhatServeIsToldAndWhatItPrints) {
  const std::map<std::string, std::string> urls = {
      {"127.0.0.1:8080", "http://127.0.0.1:8080/health"},
      {":9000", "http://127.0.0.1:9000/health"},
      {"0.0.0.0:9000", "http://127.0.0.1:9000/health"},
      {"[::]:9000", "http://[::1]:9000/health"},
      {"localhost:80/ready", "http://localhost:80/ready"},
      {"localhost:80/", "http://localhost:80/health"},
      {"http://h:1", "http://h:1/health"},
      {"http://h:1/", "http://h:1/health"},
      {"https://h/ready", "https://h/ready"},
  };
  for (const auto& [text, url] : urls) {
    EXPECT_EQ(health_target(text).url, url) << text;
    EXPECT_EQ(health_target(text).unix_socket, "") << text;
  }
  for (const char* text : {"unix:/run/n.sock", "unix:///run/n.sock"}) {
    EXPECT_EQ(health_target(text).url, "http://localhost/health");
    EXPECT_EQ(health_target(text).unix_socket, "/run/n.sock");
  }
}

TEST(HealthTarget, ErrorsHoldNoPassword) {
  EXPECT_EQ(health_target("http://user:secret@h:1/health").name, "h:1");
}

TEST(Health, WhatIsNoAddressIsWrongUsage) {
  for (const char* text : {"localhost", "ftp://h/x", "http://", "unix:", "h:port", "h:99999"}) {
    const Outcome outcome = run({"health", text});
    EXPECT_EQ(outcome.code, kExitUsage) << text << outcome.err;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  }
}

TEST(Health, NobodyThereIsExitCodeSixAndALine) {
  std::string closed;
  {
    const SilentPort port;
    closed = "127.0.0.1:" + std::to_string(port.port());
  }
  for (const std::string& target : {closed, std::string("unix:/nonexistent/socket")}) {
    const Outcome outcome = run({"health", target});
    EXPECT_EQ(outcome.code, kExitUnavailable) << outcome.err;
    EXPECT_NE(outcome.err.find(target + ": no answer: "), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(Health, ASilentServerIsGivenUp) {
  const SilentPort port;
  const HealthTarget target = health_target("127.0.0.1:" + std::to_string(port.port()));
  const std::string error =
      coded_error_of([&] { check_health(target, std::chrono::milliseconds(50), true); });
  EXPECT_TRUE(error.starts_with("UNAVAILABLE")) << error;
}

}  // namespace
}  // namespace nestvec
