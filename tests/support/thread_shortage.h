// SPDX-License-Identifier: Apache-2.0
// For a program of its own, whose pthread_create fails where a test says. One source of a program
// may include it, and none that runs under a sanitizer, which replaces the function, too.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <limits>
#include <string>

#include "nestvec/error.h"

namespace nestvec {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): as pthread_create has none
inline std::atomic<int> threads_left{std::numeric_limits<int>::max()};

}  // namespace nestvec

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) noexcept {
  if (nestvec::threads_left.fetch_sub(1) <= 0) return EAGAIN;
  static const auto kReal =
      reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
  return kReal(thread, attributes, start, argument);
}

namespace nestvec {

// Makes something that starts `threads` threads with too few of them, then with enough. What was
// started must end: a test that hangs here has failed.
inline void make_with_too_few(int threads, const std::string& name,
                              const std::function<void()>& make) {
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

}  // namespace nestvec
