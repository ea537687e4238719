// SPDX-License-Identifier: Apache-2.0
#include "session/ort_support.h"

#include <cstdlib>
#include <new>

namespace nestvec {
namespace {

// ONNX Runtime reads it once, while its first environment is made. Unless it is set, the runtime
// writes an identifier of the machine into the user's cache folder and sends events to its maker.
constexpr const char* kTelemetrySwitch = "ORT_DISABLE_TELEMETRY";

// A value that the user has set stays, whichever it is. False when there is no memory for one.
bool decide_telemetry() noexcept {
  const char* value = std::getenv(kTelemetrySwitch);
  return (value != nullptr && *value != '\0') || ::setenv(kTelemetrySwitch, "1", 1) == 0;
}

// When the library is loaded: setenv is unsafe beside a getenv of another thread, and before main
// there is none.
[[gnu::constructor]] void on_load() noexcept { decide_telemetry(); }

// NOLINTNEXTLINE(readability-function-size): ONNX Runtime's signature
void discard_log(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

}  // namespace

Ort::Env quiet_environment() {
  // Again, for programs that have cleared their environment since.
  if (!decide_telemetry()) throw std::bad_alloc();
  return Ort::Env(ORT_LOGGING_LEVEL_FATAL, "nestvec", discard_log, nullptr);
}

Ort::SessionOptions session_options(std::size_t threads) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(static_cast<int>(threads));
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
  // Shapes differ from run to run: a remembered pattern or a growing arena would keep the largest
  // of each forever.
  options.DisableMemPattern();
  options.DisableCpuMemArena();
  options.AddConfigEntry("session.force_spinning_stop", "1");
  return options;
}

std::string first_line(std::string_view message) {
  return std::string(message.substr(0, message.find('\n')));
}

}  // namespace nestvec
