// SPDX-License-Identifier: Apache-2.0
// A program of its own, whose pthread_create fails where a test says.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <limits>
#include <string>

#include "base/thread_pool.h"
#include "http/http_server.h"
#include "http/io_loop.h"
#include "nestvec/error.h"
#include "observe/log_writer.h"
#include "observe/span_exporter.h"
#include "server/signals.h"
#include "service/request_threads.h"
#include "service/timer_thread.h"
#include "support/test_client.h"

namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): as pthread_create has none
std::atomic<int> threads_left{std::numeric_limits<int>::max()};

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) noexcept {
  if (threads_left.fetch_sub(1) <= 0) return EAGAIN;
  static const auto kReal =
      reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
  return kReal(thread, attributes, start, argument);
}

namespace nestvec {
namespace {

// Makes something that starts `threads` threads with too few of them, then with enough. What was
// started must end: a test that hangs here has failed.
void make_with_too_few(int threads, const std::string& name, const std::function<void()>& make) {
  for (int few = 0; few < threads; ++few) {
    threads_left = few;
    std::string message;
    try {
      make();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
      message = error.what();
    }
    threads_left = std::numeric_limits<int>::max();
    EXPECT_NE(message.find(name), std::string::npos) << few << " of " << threads << ": " << message;
    EXPECT_NE(message.find("ulimit -u"), std::string::npos) << message;
    EXPECT_NE(message.find("the process has "), std::string::npos) << message;
  }
  threads_left = threads;
  EXPECT_NO_THROW(make()) << name;
  threads_left = std::numeric_limits<int>::max();
}

TEST(NoThread, EachPartOfTheServerSaysSoAndEnds) {
  make_with_too_few(4, " of 4", [] { const RequestThreads threads(4); });
  make_with_too_few(3, "compute thread", [] { const ThreadPool pool(4); });
  make_with_too_few(1, "deadlines", [] { const TimerThread timer; });
  make_with_too_few(1, "log", [] {
    const LogWriter writer(2, [](std::uint64_t, const std::string&) { return std::string(); });
  });
  make_with_too_few(1, "connections", [] {
    IoLoop loop;
    loop.start();
  });
  Metrics metrics;
  Log log(LogFormat::kText, [](std::string_view) {});
  make_with_too_few(1, "spans",
                    [&] { const SpanExporter exporter("http://127.0.0.1:1", "0", metrics, log); });
  make_with_too_few(1, "signals", [] {
    const BlockedSignals blocked;
    const SignalThread signals([](int) {}, [] {});
  });
}

TEST(NoThread, AServerThatCannotStartEnds) {
  RequestThreads threads(1);
  HttpServerOptions options = local_options();
  options.io_threads = 2;
  make_with_too_few(3, "cannot start", [&] {
    HttpServer server(options, &echo, threads);
    server.start();
  });
}

}  // namespace
}  // namespace nestvec
