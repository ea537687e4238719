// SPDX-License-Identifier: Apache-2.0
#include "released_gil.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace nb = nanobind;

namespace nestvec {
namespace {

constexpr std::chrono::milliseconds kLookAgain{1};
constexpr std::chrono::seconds kLongestWait{10};  // for a call that looks at nothing meanwhile

struct Exit {
  std::atomic<int> open{0};  // calls that will want the GIL back
  std::atomic<bool> begun{false};
  std::thread::id ends_it;  // set before `begun`
  pid_t process = ::getpid();
};

Exit& process_exit() {
  // Never destroyed: threads outlive static objects.
  static Exit* const kExit = std::make_unique<Exit>().release();
  return *kExit;
}

[[noreturn]] void sleep_until_the_end() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(24));
}

// Runs before Python takes anything apart. From here on no call gets the GIL back but those of the
// thread that ends the interpreter, and what is open is waited for.
void begin_exit() {
  Exit& exit = process_exit();
  if (::getpid() != exit.process) return;  // the calls are those of the process that was forked
  exit.ends_it = std::this_thread::get_id();
  exit.begun = true;
  if (exit.open > 0) nb::set_leak_warnings(false);  // sleeping threads keep their models
  const nb::gil_scoped_release release;
  const auto end = std::chrono::steady_clock::now() + kLongestWait;
  while (exit.open > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace

bool must_end_call() noexcept {
  const Exit& exit = process_exit();
  return exit.begun && std::this_thread::get_id() != exit.ends_it;
}

// Counted while the GIL is held, so that begin_exit() sees it.
ReleasedGil::ReleasedGil() {
  std::atomic<int>& open = process_exit().open;
  ++open;
  state_ = PyEval_SaveThread();
  if (!must_end_call()) return;
  --open;
  sleep_until_the_end();
}

ReleasedGil::~ReleasedGil() {
  Exit& exit = process_exit();
  if (must_end_call()) {
    --exit.open;
    sleep_until_the_end();
  }
  PyEval_RestoreThread(state_);
  --exit.open;
}

void watch_exit() {
  process_exit();
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(begin_exit));
}

}  // namespace nestvec
