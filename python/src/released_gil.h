// SPDX-License-Identifier: Apache-2.0
// Work without the GIL, also while the interpreter ends.
#pragma once

#include <nanobind/nanobind.h>

namespace nestvec {

// Lets other threads of Python run while it lives. As nanobind's gil_scoped_release, but for calls
// that daemon threads have open when the interpreter ends: CPython before 3.14 ends a thread that
// then asks for the GIL in the middle of its C++ frames, and the process is aborted. Here such a
// thread sleeps until the process ends.
class ReleasedGil {
 public:
  ReleasedGil();
  ~ReleasedGil();
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;

 private:
  PyThreadState* state_;
};

// Whether the interpreter ends and this thread will not be asked to go on: it should stop its work.
bool must_end_call() noexcept;

// Has Python call the part above before it ends. Call it once, with the GIL.
void watch_exit();

}  // namespace nestvec
