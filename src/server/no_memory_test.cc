// SPDX-License-Identifier: Apache-2.0
// A program of its own, whose operator new fails where a test says: each request gets one answer.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <limits>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "dialects/dialects.h"
#include "service/request_threads.h"
#include "support/memory_shortage.h"
#include "support/test_client.h"
#include "support/test_service.h"

namespace {

// Which allocations fail.
struct Failures {
  std::atomic<long> left{std::numeric_limits<long>::max()};  // so many succeed first
  std::atomic<bool> for_ever{false};                         // else one fails
  std::atomic<bool> everywhere{false};  // else on threads that are marked alone
};

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): operator new has no arguments
Failures failures;
thread_local bool marked = false;
thread_local bool exempt = false;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

}  // namespace

namespace nestvec {

bool allocation_fails() {
  if (exempt || !(marked || failures.everywhere)) return false;
  const long left = failures.left.fetch_sub(1) - 1;
  return failures.for_ever ? left < 0 : left == -1;
}

namespace {

constexpr long kNever = std::numeric_limits<long>::max();

// The calling thread's allocations while it lives.
class Marked {
 public:
  Marked() { marked = true; }
  Marked(const Marked&) = delete;
  Marked& operator=(const Marked&) = delete;
  ~Marked() { marked = false; }
};

// Whether the failure came.
bool has_failed() { return failures.left < 0; }

void fail_after(long allocations, bool for_ever) {
  failures.for_ever = for_ever;
  failures.left = allocations;
}

// What is to be done on request threads is done by the test, with the same failures.
class Work {
 public:
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }

  // Returns whether there was something.
  bool run_one() {
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return false;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    const Marked mark;
    try {
      work();
    } catch (const std::bad_alloc&) {
      // As RequestThreads.
    }
    work = nullptr;
    return true;
  }

 private:
  std::mutex mutex_;  // guards queue_
  std::deque<std::function<void()>> queue_;
};

struct Answers {
  std::atomic<int> count{0};
  int status = 0;
  bool retry_after = false;
  bool no_memory = false;
};

struct Question {
  const char* method;
  const char* path;
  const char* body;
};

class NoMemory : public testing::Test {
 protected:
  NoMemory() {
    test_.service.post = [this](std::function<void()> work) { work_.post(std::move(work)); };
    test_.service.ready = true;
    router_.emplace(test_.service, keys_, all_routes(test_.service));
  }
  ~NoMemory() override { fail_after(kNever, false); }

  void ask(const Question& question, Answers& answers) {
    auto request = std::make_shared<HttpRequest>(
        request_of(question.method, question.path, question.body, {{"host", "localhost"}}));
    request->received = std::chrono::steady_clock::now();
    Respond respond = [&answers](HttpResponse response) {
      answers.status = response.status;
      answers.no_memory = response.no_memory;
      answers.retry_after = response.no_memory;
      for (const auto& [name, value] : response.headers) {
        if (name == "Retry-After") answers.retry_after = true;
      }
      ++answers.count;
    };
    {
      const Marked mark;
      router_->handle(std::move(request), std::move(respond));
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (answers.count == 0 && std::chrono::steady_clock::now() < end) {
      if (!work_.run_one()) std::this_thread::yield();
    }
    while (work_.run_one()) {
    }
  }

  // Fails each allocation in turn, alone or with all that follow, until all succeed.
  void fail_each(const Question& question, int expected) {
    for (const bool for_ever : {false, true}) {
      int failed = 0;
      for (long n = 0;; ++n) {
        Answers answers;
        fail_after(n, for_ever);
        ask(question, answers);
        const bool reached = has_failed();
        fail_after(kNever, false);
        ASSERT_EQ(answers.count, 1) << question.path << " allocation " << n;
        if (answers.status == 503) {
          EXPECT_TRUE(answers.retry_after) << question.path << " allocation " << n;
          ++failed;
        } else {
          ASSERT_EQ(answers.status, expected) << question.path << " allocation " << n;
        }
        if (!reached) break;
      }
      EXPECT_GT(failed, 0) << question.path;
    }
  }

  TestService test_;
  KeyStore keys_;
  Work work_;
  std::optional<Router> router_;
};

TEST_F(NoMemory, WhatNeedsNoModelIsAnsweredOnce) {
  fail_each({"GET", "/health", ""}, 200);
  fail_each({"GET", "/v1/models", ""}, 200);
  fail_each({"GET", "/nothing", ""}, 404);
  fail_each({"DELETE", "/v1/embeddings", ""}, 405);
  fail_each({"OPTIONS", "/v1/embeddings", ""}, 204);
}

TEST_F(NoMemory, ErrorsAreAnsweredOnce) {
  fail_each({"POST", "/v1/embeddings", "{"}, 400);
  fail_each({"POST", "/v1/embeddings", R"({"input": 1.5})"}, 400);
  fail_each({"POST", "/embed", R"({"inputs": []})"}, 400);
}

TEST_F(NoMemory, EmbeddingsAreAnsweredOnce) {
  fail_each({"POST", "/v1/embeddings", R"({"input": ["a text", "another"]})"}, 200);
}

// The handler's own answer, a dropped one, and none: over a socket.
TEST(NoMemoryOfTheServer, AnExceptionNeverShowsItsText) {
  TestServer server(local_options(), [](const auto& request, const Respond& respond) {
    if (request->path == "/memory") throw std::bad_alloc();
    if (request->path == "/other") throw std::runtime_error("secret");
    if (request->path == "/fixed") respond(no_memory_answer());
  });
  TestClient client = server.client();
  const auto other = client.ask(get("/other"));
  EXPECT_EQ(other.status, 500);
  EXPECT_EQ(other.body.find("secret"), std::string::npos);
  EXPECT_EQ(client.ask(get("/dropped")).status, 500);
  for (const char* path : {"/memory", "/fixed"}) {
    const auto answer = server.client().ask(get(path));
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_NE(answer.body.find("no memory"), std::string::npos);
  }
}

// Every thread but the client's.
TEST(NoMemoryOfTheServer, EachRequestOfAConnectionIsAnswered) {
  exempt = true;
  TestServer server;
  for (const bool for_ever : {false, true}) {
    for (long n = 0;; ++n) {
      TestClient client = server.client();
      EXPECT_EQ(client.ask(get("/first")).status, 200);
      failures.everywhere = true;
      fail_after(n, for_ever);
      client.send(post("/second", "a body"));
      const auto answer = client.response();
      const bool reached = has_failed();
      fail_after(kNever, false);
      failures.everywhere = false;
      ASSERT_TRUE(answer) << n;
      EXPECT_TRUE(answer->status == 200 || answer->status == 503) << n << " " << answer->status;
      if (!reached) break;
    }
  }
  EXPECT_EQ(server.client().ask(get("/last")).status, 200);
  exempt = false;
}

}  // namespace
}  // namespace nestvec
