// SPDX-License-Identifier: Apache-2.0
// Ctrl-C while the model works.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>

#include "released_gil.h"

namespace nestvec {

// How long Ctrl-C may go unheard.
inline constexpr std::chrono::milliseconds kSignalInterval{50};

// Throws nanobind::python_error for what a signal handler raised, after run.stop(). Needs the GIL.
template <typename Run>
void check_signals(Run& run) {
  if (PyErr_CheckSignals() == 0) return;
  const nanobind::python_error error;  // takes the exception before others run
  {
    const ReleasedGil release;
    run.stop();
  }
  throw error;
}

// run.wait(kSignalInterval) without the GIL, then check_signals().
template <typename Run>
bool wait_for_signals(Run& run) {
  bool done = false;
  {
    const ReleasedGil release;
    done = run.wait(kSignalInterval);
    if (must_end_call()) run.stop();
  }
  check_signals(run);
  return done;
}

}  // namespace nestvec
