// SPDX-License-Identifier: Apache-2.0
// What starts threads says so where there are none left, and ends.
#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "http/http_server.h"
#include "http/io_loop.h"
#include "observe/log_writer.h"
#include "observe/span_exporter.h"
#include "server/signals.h"
#include "service/request_threads.h"
#include "service/timer_thread.h"
#include "support/test_client.h"
#include "support/thread_shortage.h"

namespace nestvec {
namespace {

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
  make_with_too_few(1, "span exporter",
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
